"""Regular expressions of inputs, on an engine whose time grows linearly with the text.

It is the one that pydantic carries (Rust's regex crate): no back-references, no look-around, so that no pattern and no
value can hold a thread up; `$` is the end of the text, as JSON Schema has it, and not also before a last newline, as
Python has it.
"""

from __future__ import annotations

from collections.abc import Callable

from pydantic_core import SchemaError, SchemaValidator, ValidationError, core_schema


def compile_pattern(pattern: str) -> Callable[[str], bool]:
    """A test of whether the pattern is found in a text. Raises ValueError, in plain words, for what is no pattern."""
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


def _reason(report: str) -> str:
    _, _, reason = report.rpartition("error: ")
    if "size limit" in report:
        return "it grows too large when its repetitions are written out"
    return reason.strip() or "it is not a regular expression"
