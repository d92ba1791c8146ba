"""Finds out of a program's last words how it crashed. Only imported when a program has failed."""

from __future__ import annotations

from .passthrough import shorten
from .protocol import REASON_LIMIT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def last_crash(errors: bytes, marks: Sequence[str], script: str) -> str:
    """The last line that begins with one of the marks, and the first line of the script that is named after it.

    `panic: no such order (step.go, line 3)`; empty when no line begins so.
    """
    lines = errors.decode("utf-8", "replace").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith(tuple(marks))]
    if not starts:
        return ""
    head, place = lines[starts[-1]].strip(), ""
    for line in lines[starts[-1] + 1 :]:
        if number := _line_of(line, script):
            place = f" ({script}, line {number})"
            break
    return shorten(head, REASON_LIMIT - len(place)) + place


def _line_of(text: str, script: str) -> str:
    """The number in `/work/step.go:3 +0x1d`; empty when the text names no line of the script."""
    before, found, rest = text.partition(f"{script}:")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return digits if found and not before.rpartition("/")[2].strip() else ""
