"""Regular expressions of inputs, on an engine whose time grows linearly with the text.

It is the one that pydantic carries (Rust's regex crate): no back-references, no look-around, so that no pattern and no
value can hold a thread up; `$` is the end of the text, as JSON Schema has it, and not also before a last newline, as
Python has it. Its time grows with the pattern as well, and repetitions multiply that: hence the limit on parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema

MAX_PARTS = 1_000
"""Parts of a pattern, repetitions written out: 32 KiB of text are looked through in a tenth of a second at most."""

_WIDE = frozenset("wWdDsSpP")
"""Escapes that stand for hundreds of ranges of Unicode."""
_WIDE_PARTS = 10
_FLAGS = re.compile(r"\(\?[A-Za-z-]+[:)]")
_COUNT = re.compile(r"\{\s*([0-9]*)\s*(?:,\s*([0-9]*)\s*)?\}")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|\[:[a-z]*:\]|[^\]\\])*\]?", re.DOTALL)


@lru_cache(maxsize=128)
def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A test of whether the pattern is found in a text. Raises ValueError, in plain words, for what is no pattern."""
    if _FLAGS.search(pattern):
        raise ValueError("flags inside a pattern are not part of JSON Schema")
    parts = count_parts(pattern)
    if parts > MAX_PARTS:
        raise ValueError(f"it has {parts:,} parts when its repetitions are written out; {MAX_PARTS:,} is the limit")
    try:
        validator = SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
    except SchemaError as error:
        raise ValueError(_reason(str(error))) from None

    def found(text: str) -> bool:
        try:
            validator.validate_python(text)
        except ValidationError:
            return False
        return True

    return found


def count_parts(pattern: str) -> int:
    """How many characters and classes a pattern has when its repetitions are written out; an estimate from above."""
    groups = [0]
    last, position = 0, 0
    while position < len(pattern):
        char = pattern[position]
        count = _COUNT.match(pattern, position) if char == "{" else None
        if count is not None:
            times = max(1, *(int(number[:9]) for number in count.groups() if number)) if any(count.groups()) else 1
            groups[-1] += last * (times - 1)
            last, position = last * times, count.end()
            continue
        size, position = _next(pattern, position)
        if char == "(":
            groups.append(1)
            last = 1
        elif char == ")" and len(groups) > 1:
            last = groups.pop() + 1
            groups[-1] += last
        else:
            # What repeats the last part (`*`, `+`, `?`) is not a part that could be repeated itself.
            last = last if char in "*+?" else size
            groups[-1] += size
    return sum(groups)


def _next(pattern: str, position: int) -> tuple[int, int]:
    """The parts of what begins at `position`, and where it ends."""
    if pattern[position] == "\\":
        letter = pattern[position + 1 : position + 2]
        end = position + 2
        if letter and letter in "pPxuU" and pattern[end : end + 1] == "{":
            end = pattern.find("}", end) + 1 or len(pattern)
        return (_WIDE_PARTS if letter in _WIDE else 1), end
    if pattern[position] == "[":
        match = _CLASS.match(pattern, position)
        assert match is not None
        wide = sum(match.group().count(f"\\{letter}") for letter in _WIDE)
        return 1 + _WIDE_PARTS * wide, match.end()
    return 1, position + 1


def _reason(report: str) -> str:
    _, _, reason = report.rpartition("error: ")
    if "size limit" in report:
        return "it grows too large when its repetitions are written out"
    return reason.strip() or "it is not a regular expression"
