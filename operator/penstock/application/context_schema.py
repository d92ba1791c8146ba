"""A value against its JSON Schema: every error, in plain words. Fetches nothing, runs no backtracking pattern."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import SchemaError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from penstock.api.v1alpha1.patterns import compile_pattern
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.application.safe_text import harmless
from penstock.errors import Problem

_Error = Any
"""A ValidationError as the validator hands it out, with every field set; its type says that each may be unset."""
MAX_PROBLEMS = 50
"""More are not listed: whoever reads the first ones will look again."""

_TYPES = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What is checked, in the words of its messages."""

    root: str
    """Path of the value itself."""
    field: str
    """The field of the Workflow that holds the schema."""


def context_problems(inputs: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What of the context does not fit `inputs`. Unknown fields at the top are left to the caller."""
    schema = {name: value for name, value in inputs.items() if name != "additionalProperties"}
    if isinstance(inputs.get("additionalProperties"), dict):
        schema["additionalProperties"] = inputs["additionalProperties"]
    return schema_problems(schema, dict(context), Checked("context", "inputs"))


def schema_problems(schema: Mapping[str, Any], value: Any, checked: Checked) -> tuple[Problem, ...]:
    """What of the value does not fit the schema."""
    validator = _Validator(schema, registry=Registry())
    try:
        errors = islice(validator.iter_errors(value), MAX_PROBLEMS)
        return tuple(problem for error in errors for problem in _problems(error, checked))
    except (SchemaError, Unresolvable, RecursionError, ArithmeticError, ValueError) as error:
        message = f"`{checked.field}` cannot be used to check it: {str(error).splitlines()[0]}"
        return (Problem(checked.root, message, f"Correct `{checked.field}`; `penstock validate` says how."),)


def _pattern(_validator: Any, pattern: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, str) and not compile_pattern(pattern)(value):
        yield ValidationError("")


def _unique(_validator: Any, wanted: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    # The library's own compares each with each where it cannot sort: a minute for the values of one full context.
    if wanted and isinstance(value, list) and len({_key(item) for item in value}) < len(value):
        yield ValidationError("")


def _key(value: Any) -> str:
    return json.dumps(_plain(value), sort_keys=True)


def _plain(value: Any) -> Any:
    """The value with 1.0 as 1, for JSON Schema takes them for equal."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _required(_validator: Any, names: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        # The name alone, where the library's own hides it in a sentence.
        yield from (ValidationError(name) for name in names if name not in value)


_KEYWORDS = {"pattern": _pattern, "uniqueItems": _unique, "required": _required}
_Validator = extend(Draft202012Validator, _KEYWORDS)  # type: ignore[no-untyped-call]  # its stubs leave it out


def _problems(error: _Error, checked: Checked) -> Iterator[Problem]:
    path = checked.root + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.path)
    keyword = str(error.validator)
    if keyword == "required":
        yield from _missing(error, path)
    elif keyword == "additionalProperties" and isinstance(error.instance, dict):
        yield from _unknown(error, path)
    else:
        message, fix = _MESSAGES.get(keyword, _other)(error)
        yield Problem(path, message, fix or f"See the Workflow's `{checked.field}`.")


def _missing(error: _Error, path: str) -> Iterator[Problem]:
    name = error.message
    field = error.schema.get("properties", {}).get(name, {})
    about = field.get("description", "") if isinstance(field, dict) else ""
    example = _example(field)
    fix = f"Add `{name}: {example}`." if example else f"Add `{name}`{_of_type(field)}."
    yield Problem(f"{path}.{name}", f"`{name}` is required{f' ({about})' if about else ''} and is missing.", fix)


def _unknown(error: _Error, path: str) -> Iterator[Problem]:
    known = error.schema.get("properties", {})
    for name in error.instance:
        if name not in known:
            near = closest(name, known)
            fix = f"Write `{near}`." if near else f"Remove it; the fields are {listed(known) or 'none'}."
            yield Problem(f"{path}.{name}", f"There is no field `{name[:80]}` here.", fix)


def _of_type(field: Any) -> str:
    kind = field.get("type") if isinstance(field, dict) else None
    return f", {_TYPES[kind]}" if isinstance(kind, str) and kind in _TYPES else ""


def _example(field: Any) -> str:
    """A value that the field would take, where the schema shows one."""
    if not isinstance(field, dict):
        return ""
    for shown in (field.get("examples"), field.get("enum")):
        if isinstance(shown, list) and shown:
            return _short(shown[0])
    return ""


def _short(value: Any) -> str:
    text = harmless(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


Finding = tuple[str, str]
"""(message, fix); an empty fix is to look at the schema."""


def _type(error: _Error) -> Finding:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    names = " or ".join(_TYPES.get(str(name), str(name)) for name in wanted)
    value = error.instance
    shown = "`null`" if value is None else f"`{_short(value)}`"
    fix = f"Write {names}."
    if isinstance(value, str) and any(name in wanted for name in ("number", "integer", "boolean")):
        fix = f"Write {names}, without quotes."
    elif "string" in wanted and isinstance(value, int | float):
        fix = f'Write it in quotes: `"{_short(value)}"`.'
    return f"It must be {names}, but it is {shown}{' in quotes' if isinstance(value, str) else ''}.", fix


def _pattern_message(error: _Error) -> Finding:
    example = _example(error.schema)
    fix = f"Write it like `{example}`." if example else f"Write text in which `{error.validator_value}` is found."
    return f"`{_short(error.instance)}` does not match `{error.validator_value}`.", fix


def _enum(error: _Error) -> Finding:
    values = [_short(value) for value in error.validator_value]
    near = closest(error.instance, values) if isinstance(error.instance, str) else None
    return f"`{_short(error.instance)}` is not one of the values allowed.", (
        f"Write `{near}`." if near else f"Write one of {listed(values)}."
    )


def _bound(words: str) -> Callable[[_Error], Finding]:
    def finding(error: _Error) -> Finding:
        limit = error.validator_value
        return f"It is {_short(error.instance)}, but must be {words} {limit}.", f"Write a number {words} {limit}."

    return finding


def _length(words: str, unit: str) -> Callable[[_Error], Finding]:
    def finding(error: _Error) -> Finding:
        limit, size = error.validator_value, len(error.instance)
        return f"It has {size:,} {unit}, but must have {words} {limit:,}.", f"Write {words} {limit:,} {unit}."

    return finding


def _fixed(message: str, fix: str) -> Callable[[_Error], Finding]:
    return lambda _error: (message, fix)


def _other(error: _Error) -> Finding:
    return f"It does not fit `{error.validator}`: {error.message[:300]}.", ""


_MESSAGES: Mapping[str, Callable[[_Error], Finding]] = {
    "type": _type,
    "pattern": _pattern_message,
    "enum": _enum,
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    "exclusiveMaximum": _bound("less than"),
    "multipleOf": _bound("a multiple of"),
    "minLength": _length("at least", "characters"),
    "maxLength": _length("at most", "characters"),
    "minItems": _length("at least", "entries"),
    "maxItems": _length("at most", "entries"),
    "minProperties": _length("at least", "fields"),
    "maxProperties": _length("at most", "fields"),
    "const": lambda error: (f"It must be `{_short(error.validator_value)}`.", "Write that value."),
    "uniqueItems": _fixed("The list has an entry twice.", "Remove one of the two."),
    "anyOf": _fixed("It fits none of the forms that `anyOf` allows.", ""),
    "oneOf": _fixed("It does not fit exactly one of the forms of `oneOf`.", ""),
}
