"""What an answer says, as data, and whether it is what the step expects."""

from __future__ import annotations

import base64
import email.utils
import json
import re
import time

from .failure import ANSWER_UNEXPECTED, CALL_FAILED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

SHOWN = ("content-type", "etag", "last-modified", "location", "link", "retry-after", "x-request-id", "x-total-count")
"""Headers that become part of an output."""
MAX_HEADER = 1000
MAX_DEPTH = 90


class Answer:
    """One answer, read to its end."""

    def __init__(self, status: int, phrase: str, headers: Mapping[str, str], content: bytes) -> None:
        self.status = status
        self._phrase = phrase
        self._headers = headers
        self._content = content
        self._body: Any = None
        self._read = False

    @property
    def body(self) -> Any:
        """The body as data: JSON where it is, else text, else bytes in base64. Raises CallFailed for broken JSON."""
        if not self._read:
            self._body, self._read = self._parsed(), True
        return self._body

    def header(self, name: str) -> str:
        """A header's value, empty where there is none."""
        return self._headers.get(name, "")

    def shown_headers(self) -> dict[str, str]:
        """The few headers that a step may want to know."""
        return {name: self._headers[name][:MAX_HEADER] for name in SHOWN if name in self._headers}

    def retry_after(self) -> float | None:
        """Seconds that the other side asks to wait; None where it does not say."""
        text = self.header("retry-after").strip()
        if text.isdecimal():
            return float(text[:9])
        try:
            moment = email.utils.parsedate_to_datetime(text)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, TypeError, OverflowError):
            return None

    def rows(self) -> list[Any]:
        """The rows of a page: `data` of JSON:API, or the body itself. Raises CallFailed where there are none."""
        body = self.body
        found = body.get("data") if isinstance(body, dict) else body
        if not isinstance(found, list):
            raise CallFailed(ANSWER_UNEXPECTED, "`paginate` needs answers that are lists, or have one in `data`")
        return found

    def next_link(self) -> str | None:
        """Where the next page is, by `links.next` of JSON:API."""
        body = self.body
        links = body.get("links") if isinstance(body, dict) else None
        link = links.get("next") if isinstance(links, dict) else None
        if isinstance(link, dict):
            link = link.get("href")
        return link if isinstance(link, str) and link else None

    def summary(self) -> str:
        """The status, and how the body begins."""
        text = self._content[:400].decode("utf-8", "replace")
        return " ".join(f"{self.status} {self._phrase}: {text}".split())

    def _parsed(self) -> Any:
        if not self._content:
            return None
        kind = self.header("content-type").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            return _json(self._content)
        try:
            return self._content.decode("utf-8")
        except UnicodeDecodeError:
            return {"base64": base64.b64encode(self._content).decode()}


def check(answer: Answer, expect: Mapping[str, Any]) -> None:
    """Raises CallFailed where the answer is not what the step expects."""
    wanted = expect.get("status") or ()
    if answer.status not in wanted if wanted else not 200 <= answer.status < 300:
        raise CallFailed(ANSWER_UNEXPECTED, f"status {answer.summary()}")
    schema = expect.get("schema")
    if schema is not None:
        _check_schema(answer.body, schema)


def _check_schema(body: Any, schema: Mapping[str, Any]) -> None:
    try:
        import jsonschema
        import referencing
    except ImportError as error:
        raise CallFailed(CALL_FAILED, "jsonschema is not installed beside the harness") from error
    # An empty registry, or a schema could have other documents fetched.
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    try:
        validator.check_schema(schema)
        problem = jsonschema.exceptions.best_match(validator.iter_errors(body))
    except (jsonschema.SchemaError, referencing.exceptions.Unresolvable, re.error) as error:
        reason = f"`expect.schema` is no schema that can be checked: {' '.join(str(error).split())[:400]}"
        raise CallFailed(ANSWER_UNEXPECTED, reason) from error
    if problem is not None:
        where = "".join(f"[{part!r}]" for part in problem.absolute_path)
        raise CallFailed(
            ANSWER_UNEXPECTED, f"the body does not fit `expect.schema`: body{where}: {problem.message[:400]}"
        )


def _json(content: bytes) -> Any:
    try:
        value = json.loads(content, parse_constant=_no_number)
        # A number such as 1e999 is read as infinite, and is none of JSON's.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError as error:
        raise CallFailed(ANSWER_UNEXPECTED, "the body holds half of a surrogate pair, which is no text") from error
    except (ValueError, RecursionError) as error:
        raise CallFailed(ANSWER_UNEXPECTED, f"the body says that it is JSON and is not: {error}"[:400]) from error
    if depth(value) > MAX_DEPTH:
        raise CallFailed(ANSWER_UNEXPECTED, f"the body is nested more than {MAX_DEPTH} deep")
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def depth(value: Any) -> int:
    """How deep a value is nested; looks no deeper than it has to."""
    level, found = [value], 0
    while level and found <= MAX_DEPTH:
        found += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return found
