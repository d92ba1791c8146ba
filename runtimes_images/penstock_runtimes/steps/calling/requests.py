"""One `http` call: its requests, tried again where that may help, and what the answers come to."""

from __future__ import annotations

import base64
import json
import random
import time
from urllib.parse import urlencode, urljoin, urlsplit

from . import allowed, answers
from .answers import Answer
from .failure import ANSWER_UNEXPECTED, CALL_FAILED, CALL_REFUSED, CallFailed
from .transport import NotSent, Transport, Unanswered

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

TRIES = 4
LONGEST_WAIT = 60.0
"""Seconds; who asks for more is not waited for."""
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
"""Methods of which a second request does no more than the first."""
PASSING = frozenset({500, 502, 503, 504})
TOO_MANY = 429
REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOPS = 5
"""Redirects in a row that are followed."""
_READING = ("GET", "HEAD")
READ_ALL = ({"methods": ["GET", "HEAD"], "paths": ["/**"]},)


def perform(call: Mapping[str, Any], connection: Mapping[str, Any], secret: str | None, key: str) -> Any:
    """What the call comes to. Raises CallFailed."""
    try:
        session = _Session(call, connection, secret, key)
        url = session.transport.base + call["path"] + _query_text(call, connection)
    except UnicodeEncodeError:
        raise CallFailed(CALL_REFUSED, "the request holds half of a surrogate pair, which is no text") from None
    with session.transport:
        if call.get("paginate"):
            return _all_pages(session, url, call["paginate"])
        answer = session.checked(url)
        return {"status": answer.status, "headers": answer.shown_headers(), "body": answer.body}


class _Session:
    """Requests of one call."""

    def __init__(self, call: Mapping[str, Any], connection: Mapping[str, Any], secret: str | None, key: str) -> None:
        self._call = call
        self._allow = connection.get("allow", READ_ALL)
        limit = connection.get("rateLimit")
        self._pause = limit["seconds"] / limit["requests"] if limit else 0.0
        self._next_at = 0.0
        self.transport = Transport(connection["url"], call["maxBytes"])
        self._headers = {"Accept": "application/vnd.api+json, application/json, */*;q=0.5", **call["headers"]}
        self._headers |= credentials(connection.get("auth"), secret)
        self._content: bytes | None = None
        if "body" in call:
            self._content = json.dumps(call["body"], ensure_ascii=False, allow_nan=False).encode()
            media = {name.lower(): value for name, value in call["headers"].items()}.get("accept", "")
            is_json_api = "vnd.api+json" in media
            self._headers["Content-Type"] = "application/vnd.api+json" if is_json_api else "application/json"
        if call["method"] not in ("GET", "HEAD") and key:
            self._headers.setdefault("Idempotency-Key", key)
        _check_headers(self._headers)

    def checked(self, url: str) -> Answer:
        """The answer to a request, which is as the step expects it."""
        answer = self._answer(url)
        answers.check(answer, self._call.get("expect") or {})
        return answer

    def _answer(self, url: str) -> Answer:
        method, waited = self._call["method"], 0
        while True:
            waited += 1
            last = waited == TRIES
            try:
                answer = self._send(method, url)
            except NotSent as error:
                # Nothing was said yet, so whatever the method is, nothing was done.
                if last:
                    raise CallFailed(CALL_FAILED, str(error)) from error
                self._wait(None, waited)
                continue
            except Unanswered as error:
                if last or method not in REPEATABLE:
                    raise CallFailed(CALL_FAILED, str(error)) from error
                self._wait(None, waited)
                continue
            passing = answer.status == TOO_MANY or (answer.status in PASSING and method in REPEATABLE)
            if last or not passing or answer.status in (self._call.get("expect") or {}).get("status", ()):
                return answer
            self._wait(answer.retry_after(), waited)

    def _send(self, method: str, url: str) -> Answer:
        """The answer, behind redirects where they lead to what a step could have asked for itself."""
        hops = 0
        while True:
            time.sleep(max(0.0, self._next_at - time.monotonic()))
            self._next_at = time.monotonic() + self._pause
            answer = self.transport.send(method, url, self._headers, self._content)
            if answer.status not in REDIRECTS:
                return answer
            if hops == HOPS:
                reason = f"status {answer.status}: it sends on more than {HOPS} times in a row"
                raise CallFailed(ANSWER_UNEXPECTED, reason)
            hops += 1
            url = self._redirected(method, url, answer)

    def _redirected(self, method: str, url: str, answer: Answer) -> str:
        """Where a redirect leads. Raises CallFailed unless that is the same host, and allowed, and only read."""
        place = answer.header("location")
        shown = f"status {answer.status}: it sends elsewhere, to {place[:500]!r}"
        try:
            target = urlsplit(urljoin(url, place))._replace(fragment="").geturl()
        except ValueError:
            raise CallFailed(ANSWER_UNEXPECTED, f"{shown}, which is no address") from None
        if urlsplit(target)[:2] != urlsplit(url)[:2]:
            raise CallFailed(ANSWER_UNEXPECTED, f"{shown}; if that is right, make it the Connection's url")
        if method not in _READING:
            raise CallFailed(ANSWER_UNEXPECTED, f"{shown}, and {method} is not sent twice; write that as `path`")
        if not target.isascii() or not allowed.may(method, target, self.transport.base, self._allow):
            raise CallFailed(ANSWER_UNEXPECTED, f"{shown}, which the Connection does not allow")
        return target

    def _wait(self, asked: float | None, tried: int) -> None:
        if asked is not None and asked > LONGEST_WAIT:
            raise CallFailed(
                CALL_FAILED, f"the other side asks to wait for {asked:.0f} s; {LONGEST_WAIT:.0f} s is the limit"
            )
        # Spread, so that many that were turned away do not come back together.
        time.sleep(asked if asked is not None else 0.5 * 2 ** (tried - 1) * random.uniform(0.5, 1.0))  # noqa: S311  no secret


def credentials(auth: Mapping[str, Any] | None, secret: str | None) -> dict[str, str]:
    """The header that says who calls."""
    if auth is None or secret is None:
        return {}
    text = secret.strip("\r\n")
    if any(character in text for character in "\r\n\0"):
        raise CallFailed(CALL_REFUSED, "the Secret's value has several lines; a header has one")
    scheme = auth.get("scheme", "bearer")
    if scheme == "basic":
        return {"Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}
    return {auth["header"]: text} if scheme == "header" else {"Authorization": f"Bearer {text}"}


def _check_headers(headers: Mapping[str, str]) -> None:
    """Raises CallFailed where one holds what a header cannot; not with its value, which may be a secret."""
    for name, value in headers.items():
        if not (value.isascii() and (value.replace("\t", " ").isprintable())):
            reason = f"the header {name} may hold ASCII characters in one line, and holds others; encode its value"
            raise CallFailed(CALL_REFUSED, reason)


def _query_text(call: Mapping[str, Any], connection: Mapping[str, Any]) -> str:
    pairs = [(name, each) for name, value in call["query"].items() for each in _several(value)]
    pairs += _filter_pairs(call["filters"], connection.get("filterStyle", "brackets"))
    return f"?{urlencode(pairs)}" if pairs else ""


def _several(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [_text(each) for each in values if each is not None]


def _filter_pairs(filters: list[Mapping[str, Any]], style: str) -> list[tuple[str, str]]:
    """Filters as parameters: `filter[name][op]=value` each, or one `filter` with all of them as JSON."""
    if not filters:
        return []
    if style == "json":
        whole = [{"name": each["name"], "op": each["op"], "val": each.get("val")} for each in filters]
        return [("filter", json.dumps(whole, ensure_ascii=False, separators=(",", ":")))]
    return [_bracketed(each["name"], each["op"], each.get("val")) for each in filters]


def _bracketed(name: str, operator: str, value: Any) -> tuple[str, str]:
    if operator in ("isnull", "isnotnull") or value is None:
        if operator not in ("eq", "ne", "isnull", "isnotnull"):
            raise CallFailed(CALL_REFUSED, f"filters: `{operator}` of {name} compares with nothing; give it a `val`")
        return f"filter[{name}][isnull]", "true" if operator in ("eq", "isnull") else "false"
    text = ",".join(_text(each) for each in value) if isinstance(value, list) else _text(value)
    return (f"filter[{name}]" if operator == "eq" else f"filter[{name}][{operator}]"), text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _all_pages(session: _Session, url: str, bounds: Mapping[str, Any]) -> dict[str, Any]:
    rows: list[Any] = []
    seen = {url}
    first: Answer | None = None
    more: str | None = url
    pages = 0
    while more is not None and pages < bounds["maxPages"] and len(rows) < bounds["maxRows"]:
        answer = session.checked(more)
        first = first or answer
        pages += 1
        rows += answer.rows()
        more = _next_page(url, more, answer, seen)
    assert first is not None
    complete = more is None and len(rows) <= bounds["maxRows"]
    kept = rows[: bounds["maxRows"]]
    return {
        "status": first.status,
        "headers": first.shown_headers(),
        "rows": kept,
        "pages": pages,
        "complete": complete,
    }


def _next_page(start: str, current: str, answer: Answer, seen: set[str]) -> str | None:
    link = answer.next_link()
    if link is None:
        return None
    try:
        target, first = urlsplit(urljoin(current, link)), urlsplit(start)
    except ValueError:
        raise CallFailed(ANSWER_UNEXPECTED, f"links.next leads to {link[:500]!r}, which is no address") from None
    if (target.scheme, target.netloc, target.path) != (first.scheme, first.netloc, first.path):
        raise CallFailed(
            ANSWER_UNEXPECTED,
            f"links.next leads to {link[:500]!r}: a next page has the same host and path as the first",
        )
    whole = target._replace(fragment="").geturl()
    if whole in seen:
        raise CallFailed(ANSWER_UNEXPECTED, f"links.next leads in a circle, to {link[:500]!r}")
    seen.add(whole)
    return whole
