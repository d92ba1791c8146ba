"""What the harness says of an attempt: progress while it runs, and one result record at its end."""

from __future__ import annotations

import os
import time

from . import lean_json
from .passthrough import as_text, shorten
from .process import signal_name
from .protocol import (
    CAPTURE_LIMIT,
    HARNESS_FAILED,
    LINE_OVERHEAD,
    POLL_SECONDS,
    PROGRESS_BUDGET,
    PROGRESS_MARK,
    PROGRESS_MESSAGE_LIMIT,
    REASON_LIMIT,
    RECORD_MARK,
    TERMINATION_LIMIT,
    TERMINATION_MARK,
    VERSION,
    AttemptFailed,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .masking import Masker
    from .passthrough import Log
    from .process import Ended

_FAILED_AFTER_SUCCESS = 1
_SIGNAL_EXIT = 128
_LARGEST_NUMBER = 1e15


class Result:
    """All that is known of the attempt so far; becomes the result record."""

    def __init__(self) -> None:
        self.nonce = "-"
        self.ended: Ended | None = None
        self.failure: AttemptFailed | None = None
        self.has_output = False
        self.output: Any = None
        self.interpreter = ""
        self.dependencies: list[str] = []
        self.captured: tuple[bytes, bytes] | None = None

    def exit_code(self) -> int:
        """The harness's own: the program's, 128 + the signal that ended it, and never 0 for a failed attempt."""
        if self.ended is None:
            return HARNESS_FAILED
        if self.ended.signal_number is not None:
            return _SIGNAL_EXIT + self.ended.signal_number
        if self.ended.exit_code is None:
            return HARNESS_FAILED
        return self.ended.exit_code or (_FAILED_AFTER_SUCCESS if self.failure else 0)

    def document(self, masker: Masker) -> dict[str, Any]:
        """The record's content, without secrets."""
        ended = self.ended
        number = ended.signal_number if ended else None
        document: dict[str, Any] = {
            "version": VERSION,
            "exitCode": ended.exit_code if ended else None,
            "signal": None if number is None else signal_name(number),
        }
        if self.has_output:
            document["output"] = masker.mask_value(self.output)
        if self.failure is not None:
            reason = masker.mask_text(self.failure.reason)
            document["error"] = {"code": masker.mask_text(self.failure.code), "reason": shorten(reason, REASON_LIMIT)}
        document["usage"] = {
            "wallSeconds": round(ended.wall_seconds, 6) if ended else 0.0,
            "cpuSeconds": round(ended.cpu_seconds, 6) if ended else 0.0,
            "peakRssBytes": ended.peak_rss_bytes if ended else 0,
        }
        document["interpreter"] = masker.mask_text(self.interpreter)
        document["dependencies"] = self.dependencies
        if self.captured is not None:
            document["stdout"], document["stderr"] = (as_text(data, CAPTURE_LIMIT) for data in self.captured)
        return document


def emit(result: Result, log: Log, masker: Masker, termination_path: str) -> None:
    """Write the result record as the log's last line and, when it is small, as the termination message."""
    text = lean_json.dumps(result.document(masker)).encode("utf-8", "replace")
    # The log first: somebody waits for it.
    log.record(f"{RECORD_MARK} {result.nonce} ".encode() + text + b"\n")
    if termination_path:
        _write_termination_message(termination_path, result.nonce, text)


def _write_termination_message(path: str, nonce: str, text: bytes) -> None:
    import zlib
    from binascii import b2a_base64

    packed = b2a_base64(zlib.compress(text, 9), newline=False)
    message = f"{TERMINATION_MARK} {nonce} ".encode() + packed
    if len(message) > TERMINATION_LIMIT:
        return
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        with open(handle, "wb", buffering=0) as file:
            file.write(message)
    except OSError:
        pass  # the log carries the record; this is the second way


class Progress:
    """Progress records: at most one every 200 ms, fewer the longer the attempt runs, and bounded in all."""

    def __init__(self, log: Log, masker: Masker, nonce: str) -> None:
        self._log = log
        self._masker = masker
        self._nonce = nonce
        self._started = time.monotonic()
        self._next = self._started
        self._room = PROGRESS_BUDGET

    def is_due(self) -> bool:
        """Whether a record may be written now."""
        return time.monotonic() >= self._next

    def report(self, statement: dict[str, Any]) -> None:
        """Write a record of this statement; numbers and a short message are all that it carries."""
        message = statement.get("message")
        content = {
            "current": _number(statement.get("current")),
            "total": _number(statement.get("total")),
            "message": self._masker.mask_text(message)[:PROGRESS_MESSAGE_LIMIT] if isinstance(message, str) else "",
        }
        text = lean_json.dumps(content).encode("utf-8", "replace")
        record = f"{PROGRESS_MARK} {self._nonce} ".encode() + text + b"\n"
        self._room -= len(record) + LINE_OVERHEAD
        if self._room >= 0:
            self._log.record(record)
        now = time.monotonic()
        self._next = now + max(POLL_SECONDS, (now - self._started) / 200)


def _number(value: Any) -> int | float | None:
    # A shell has no numbers, so its functions write them as strings.
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LARGEST_NUMBER:
        return None
    return int(value) if value == int(value) else value
