"""What a program without a harness gives back: by its termination message, or by what it prints. Pure.

The local side has its own copy in `penstock_runtimes.harness.containers`; a test holds the two together.
"""

from __future__ import annotations

import json
from typing import Any

from penstock.engine.failures import FailureCode
from penstock.engine.result_records import OUTPUT_DEPTH, OUTPUT_LIMIT

MESSAGE_LIMIT = 4096
"""Bytes that Kubernetes keeps of a termination message: of one that has so many, the beginning may be missing."""


class BadOutput(Exception):
    """What a program gave back cannot be taken; `code` and the text say why."""

    def __init__(self, code: FailureCode, reason: str) -> None:
        super().__init__(reason)
        self.code: FailureCode = code


def by_message(text: str) -> Any:
    """The output in a termination message: JSON, or text; None where there is none. Raises BadOutput."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size >= MESSAGE_LIMIT:
        reason = f"the file named by PENSTOCK_OUTPUT has {MESSAGE_LIMIT:,} bytes or more; less than that is kept"
        raise BadOutput(FailureCode.OUTPUT_TOO_LARGE, f"{reason}. Write it to the log and set `outputFrom: log`")
    return _value(text)


def by_log(printed: bytes) -> Any:
    """The output in what a program printed: its last line if that is a JSON object or list, else all of it.

    `printed` may be cut, at more than the limit. Raises BadOutput.
    """
    line = printed.rstrip().rpartition(b"\n")[2].strip()
    if line[:1] in (b"{", b"["):
        try:
            return _checked(json.loads(line.decode()))
        except (ValueError, RecursionError):
            pass  # it only looks like JSON
    if len(printed) > OUTPUT_LIMIT:
        reason = f"the log has more than {OUTPUT_LIMIT:,} bytes, and its last line is no JSON object or list"
        raise BadOutput(FailureCode.OUTPUT_TOO_LARGE, f"{reason}. End it with one line of JSON")
    return _text(printed.decode("utf-8", "replace"))


def _value(text: str) -> Any:
    try:
        return _checked(json.loads(text))
    except (ValueError, RecursionError):
        return _text(text)


def _text(text: str) -> str | None:
    return text.rstrip("\r\n") or None


def _checked(value: Any) -> Any:
    """The value if a harness would let it pass. Raises ValueError for what is no JSON, BadOutput for too much."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if len(text.encode()) > OUTPUT_LIMIT:
        raise BadOutput(
            FailureCode.OUTPUT_TOO_LARGE, f"the output has more than {OUTPUT_LIMIT:,} bytes. Write it elsewhere"
        )
    depth, level = 0, [value]
    while level := [entry for entry in level if isinstance(entry, dict | list)]:
        depth += 1
        if depth > OUTPUT_DEPTH:
            raise BadOutput(FailureCode.OUTPUT_INVALID, f"the output is nested more than {OUTPUT_DEPTH} deep")
        level = [entry for holder in level for entry in (holder.values() if isinstance(holder, dict) else holder)]
    return value
