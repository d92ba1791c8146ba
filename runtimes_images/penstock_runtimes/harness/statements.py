"""Reads what the program states through the file named by PENSTOCK_OUTPUT: one JSON object a line.

Memory stays bounded whatever the program writes there, and nothing that it writes is trusted.
"""

from __future__ import annotations

import os

from . import lean_json
from .passthrough import shorten
from .protocol import (
    CODE_LIMIT,
    MIB,
    OUTPUT_DEPTH,
    OUTPUT_INVALID,
    OUTPUT_LIMIT,
    OUTPUT_TOO_LARGE,
    OWN_CODES,
    REASON_LIMIT,
    SCRIPT_FAILED,
    STATEMENT_LIMIT,
    AttemptFailed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_CODE_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_EXCERPT = 80
_TOO_LARGE = (
    f"the output has {{}}; the limit is {OUTPUT_LIMIT} bytes of JSON. Write large results to an object store or "
    "a volume and give its address as the output, or split the work with forEach."
)


class Statements:
    """The program's statements so far."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._position = 0
        self._pending = bytearray()
        self._skipping = False
        self._line = 0
        self._output: Any = None
        self._has_output = False
        self._output_error: AttemptFailed | None = None
        self._failure: AttemptFailed | None = None
        self._progress: dict[str, Any] | None = None
        self.interpreter = ""

    @property
    def failure(self) -> AttemptFailed | None:
        """What `fail` said, the first time."""
        return self._failure

    def close(self) -> None:
        """Take in the rest and let go of the file."""
        self.read()
        if self._pending and not self._skipping:
            self._take_line(bytes(self._pending))
        os.close(self._handle)

    def output(self) -> tuple[bool, Any]:
        """Whether there is an output, and its value; `AttemptFailed` when the last one cannot be used."""
        if self._output_error is not None:
            raise self._output_error
        return self._has_output, self._output

    def take_progress(self) -> dict[str, Any] | None:
        """The newest progress since the last call."""
        progress, self._progress = self._progress, None
        return progress

    def read(self) -> None:
        """Take in what was added to the file."""
        size = os.fstat(self._handle).st_size
        if size < self._position:  # the program truncated the file; what it writes now counts
            self._position = 0
            self._pending.clear()
        while self._position < size:
            chunk = os.pread(self._handle, MIB, self._position)
            if not chunk:
                return
            self._position += len(chunk)
            self._take(chunk)

    def _take(self, chunk: bytes) -> None:
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            self._extend(part)
            if not self._skipping:
                self._take_line(bytes(self._pending))
            self._pending.clear()
            self._skipping = False
        self._extend(rest)

    def _extend(self, part: bytes) -> None:
        if self._skipping:
            return
        self._pending += part
        if len(self._pending) > STATEMENT_LIMIT:
            self._pending.clear()
            self._skipping = True
            self._line += 1
            self._output_error = AttemptFailed(
                OUTPUT_TOO_LARGE, _TOO_LARGE.format(f"a line of more than {STATEMENT_LIMIT} bytes")
            )

    def _take_line(self, line: bytes) -> None:
        self._line += 1
        if not line.strip():
            return
        try:
            statement = lean_json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError) as error:
            self._refuse_line(line, f"is not JSON ({error})")
            return
        if not isinstance(statement, dict):
            self._refuse_line(line, "is not a JSON object")
        elif "output" in statement:
            self._set_output(statement["output"])
        elif "outputText" in statement:
            self._set_output_text(statement["outputText"])
        elif isinstance(statement.get("fail"), dict):
            self._failure = self._failure or _failure(statement["fail"])
        elif isinstance(statement.get("progress"), dict):
            self._progress = statement["progress"]
        elif isinstance(statement.get("interpreter"), str):
            self.interpreter = shorten(statement["interpreter"], _EXCERPT)
        else:
            self._refuse_line(line, "has none of the keys output, outputText, fail and progress")

    def _refuse_line(self, line: bytes, why: str) -> None:
        excerpt = line[:_EXCERPT].decode("utf-8", "replace")
        self._output_error = AttemptFailed(
            OUTPUT_INVALID,
            shorten(f"line {self._line} of the file named by PENSTOCK_OUTPUT {why}: {excerpt}", REASON_LIMIT),
        )

    def _set_output_text(self, text: Any) -> None:
        """JSON where the text is JSON, else the text itself; half a JSON object is a mistake, not a text."""
        if not isinstance(text, str):
            self._output_error = AttemptFailed(OUTPUT_INVALID, "`outputText` must be a string")
            return
        try:
            value = lean_json.loads(text)
        except (ValueError, RecursionError) as error:
            if text.lstrip().startswith(("{", "[")):
                self._output_error = AttemptFailed(
                    OUTPUT_INVALID,
                    f"the output begins like JSON and is not ({error}): {text[:_EXCERPT]}. "
                    "Quote its strings with json_string, or say that it is text with: output --text VALUE",
                )
                return
            value = text
        self._set_output(value)

    def _set_output(self, value: Any) -> None:
        try:
            check_output(value)
        except AttemptFailed as error:
            self._output_error = error
            return
        self._output, self._has_output, self._output_error = value, True, None


def check_output(value: Any) -> None:
    """Refuse an output that the systems behind cannot hold."""
    try:
        text = lean_json.dumps(value)
        size = len(text.encode())
    except (ValueError, RecursionError) as error:  # NaN, Infinity, half of a surrogate pair
        raise AttemptFailed(OUTPUT_INVALID, f"the output is not JSON in UTF-8: {error}") from error
    if size > OUTPUT_LIMIT:
        raise AttemptFailed(OUTPUT_TOO_LARGE, _TOO_LARGE.format(f"{size} bytes"))
    if text.count("[") + text.count("{") > OUTPUT_DEPTH and _depth(value) > OUTPUT_DEPTH:
        raise AttemptFailed(OUTPUT_INVALID, f"the output nests lists and objects more than {OUTPUT_DEPTH} deep")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level := [entry for entry in level if isinstance(entry, (dict, list))]:
        depth += 1
        level = [entry for holder in level for entry in (holder.values() if isinstance(holder, dict) else holder)]
    return depth


def _failure(statement: dict[str, Any]) -> AttemptFailed:
    code, reason = statement.get("code"), statement.get("reason")
    reason = shorten("" if reason is None else str(reason), REASON_LIMIT)
    if isinstance(code, str) and _is_code(code):
        return AttemptFailed(code, reason)
    # A code is for programs to compare; a sentence in its place is kept, as a reason. So is a code of the harness's
    # own, which says what was done to a program and not what a program says.
    return AttemptFailed(SCRIPT_FAILED, shorten(f"{code}: {reason}" if code else reason, REASON_LIMIT))


def _is_code(text: str) -> bool:
    return 0 < len(text) <= CODE_LIMIT and set(text) <= _CODE_CHARACTERS and text not in OWN_CODES
