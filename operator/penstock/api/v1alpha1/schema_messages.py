"""What pydantic found wrong, in plain words with what to write instead. Knows the wire types, changes nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from penstock.api.v1alpha1.container import IMAGE
from penstock.api.v1alpha1.meta import DNS_SUBDOMAIN, DURATION, OBJECT_NAME, STEP_NAME, ApiModel
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.errors import Problem

Location = tuple[str | int, ...]
Finding = tuple[str, str]
"""(message, fix)."""

_ENV_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
_RUNTIME = r"^[a-z][a-z0-9]{0,30}$"

_MISSING: Mapping[str, str] = {
    "name": "Add `name: charge`.",
    "steps": "Add `steps:` with at least one step.",
    "spec": "Add `spec:` with `steps:` in it.",
    "metadata": "Add `metadata: {name: order-processing}`.",
    "runtime": "Add `runtime: python` or `runtime: bash`.",
    "image": "Add `image: registry.example/tool@sha256:…`.",
    "source": "Add `source: |` and the program below it, indented.",
    "approvers": "Add `approvers: {users: [lead@example.com]}`.",
}
_EXAMPLES: Mapping[str, str] = {
    "dict": "`name: value` pairs",
    "list": "`[a, b]`, or one line for each with `- ` in front",
    "number": "a number without quotes",
    "flag": "`true` or `false`",
}


def render_location(location: Sequence[str | int]) -> str:
    """A location as a dotted path: `spec.steps[2].needs[0]`."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{part}" if text else str(part)
    return text


def describe(error: Mapping[str, Any], root: type[ApiModel]) -> Problem:
    """One error of pydantic's as a problem. `root` is the model that was validated."""
    location: Location = tuple(error["loc"])
    message, fix = _finding(error, root, location)
    return Problem(render_location(location), message, fix)


def _finding(error: Mapping[str, Any], root: type[ApiModel], location: Location) -> Finding:
    kind, name = str(error["type"]), _field_name(location)
    context = error.get("ctx") or {}
    if kind == "missing":
        return f"`{name}` is missing.", _MISSING.get(name, f"Add `{name}`.")
    if kind == "extra_forbidden":
        return _unknown_field(root, location, name)
    if kind == "string_pattern_mismatch":
        return _wrong_form(name, str(error["input"]), str(context.get("pattern")))
    if kind == "literal_error":
        return _wrong_word(name, error["input"], str(context.get("expected", "")))
    if kind == "value_error":
        text = str(context.get("error", error["msg"]))
        message, _, fix = text.partition("; ")
        return f"{message}.", f"{fix[:1].upper()}{fix[1:]}." if fix else ""
    return _wrong_size(kind, name, context) or _wrong_type(kind, _subject(location), error)


def _field_name(location: Location) -> str:
    names = [part for part in location if isinstance(part, str) and part != "[key]"]
    return names[-1] if names else "document"


def _subject(location: Location) -> str:
    """What a sentence about a value begins with."""
    name = _field_name(location)
    return f"An entry of `{name}`" if location and isinstance(location[-1], int) else f"`{name}`"


def _unknown_field(root: type[ApiModel], location: Location, name: str) -> Finding:
    known = fields_at(root, location[:-1])
    near = closest(name, known)
    fix = f"Write `{near}`." if near else f"Remove it; the fields here are {listed(known)}."
    return f"There is no field `{name}` here.", fix


def fields_at(root: type[ApiModel], location: Location) -> tuple[str, ...]:
    """The fields that the mapping at `location` may have, as they are written; empty where they are free."""
    kind: Any = root
    for part in location:
        model = _model(kind)
        if isinstance(part, int):
            kind = next((item for item in get_args(_bare(kind)) if item is not Ellipsis), None)
        elif model is not None:
            kind = next(
                (field.annotation for name, field in model.model_fields.items() if _alias(model, name) == part), None
            )
        else:
            return ()
    model = _model(kind)
    return tuple(_alias(model, name) for name in model.model_fields) if model is not None else ()


def _alias(model: type[ApiModel], name: str) -> str:
    return model.model_fields[name].alias or name


def _bare(kind: Any) -> Any:
    """The type without Annotated and `| None`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        return _bare(next(item for item in get_args(kind) if item is not type(None)))
    return kind


def _model(kind: Any) -> type[ApiModel] | None:
    bare = _bare(kind)
    return bare if isinstance(bare, type) and issubclass(bare, ApiModel) else None


def step_name_for(text: str) -> str | None:
    """The step name that somebody probably meant, or None where nothing of it can be kept."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:63]
    return name if re.fullmatch(STEP_NAME, name) else None


def object_name_for(text: str) -> str | None:
    """The object name that somebody probably meant, or None where nothing of it can be kept."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:63].strip("-")
    return name or None


def _wrong_form(name: str, text: str, pattern: str) -> Finding:
    if pattern == STEP_NAME:
        better = step_name_for(text)
        rule = "a step's name begins with a lower-case letter and has only lower-case letters, digits and `_`"
        why = ", for CEL reads a hyphen as minus" if "-" in text else ""
        fix = f"Write `{better}`." if better else "Write a name such as `send_email`."
        return f"`{text[:80]}` is not a step name: {rule}, at most 63{why}.", fix
    if pattern == OBJECT_NAME:
        better = object_name_for(text)
        fix = f"Write `{better}`." if better else "Write a name such as `order-processing`."
        return f"`{text[:80]}` is not an object name: lower-case letters, digits and `-`, at most 63.", fix
    if pattern == DNS_SUBDOMAIN:
        better = object_name_for(text)
        fix = f"Write `{better}`." if better else "Write a name such as `database`."
        kind = "ServiceAccount" if "ccount" in name else "Secret"
        return f"`{text[:80]}` is not the name of a {kind}: lower-case letters, digits, `-` and dots.", fix
    if pattern == DURATION:
        return f"`{text[:80]}` is not a time span.", f"Write {duration_for(text)}."
    if pattern == _RUNTIME:
        return f"`{text[:80]}` is not the name of a runtime.", "Write one such as `python` or `bash`."
    if pattern == IMAGE:
        return f"`{text[:80]}` is not a reference to an image.", "Write one such as `registry.example/tool:1.2`."
    if pattern == _ENV_NAME:
        better = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
        fix = f"Write `{better}`." if re.fullmatch(_ENV_NAME, better) else "Write a name such as `REGION`."
        return f"`{text[:80]}` is not the name of an environment variable.", fix
    return f"`{name}` does not have the form that it must have: `{pattern}`.", "Write it in that form."


_UNIT_WORDS = (("ms|milli", "ms"), ("s|sec", "s"), ("m|min", "m"), ("h|hour|hr", "h"), ("d|day", "d"))


def duration_for(text: str) -> str:
    """A time span as it was probably meant, or examples of how they are written."""
    match = re.fullmatch(r"\s*([0-9]+)\s*([a-zA-Z]*)\s*", text)
    if match is None:
        return "it as `90s`, `5m`, `1h30m` or `7d`"
    number, unit = match.groups()
    for words, short in _UNIT_WORDS:
        if re.fullmatch(rf"({words})[a-z]*", unit.lower()) and (len(unit) > 2 or unit.lower() in words.split("|")):
            return f"`{number}{short}`"
    return f"`{number}s` for seconds, `{number}m` for minutes" if not unit else "it as `90s`, `5m`, `1h30m` or `7d`"


def _wrong_word(name: str, found: Any, expected: str) -> Finding:
    words = re.findall(r"'([^']*)'", expected)
    near = closest(found, words) if isinstance(found, str) else None
    fix = f"Write `{near or words[0]}`." if near or len(words) == 1 else f"Write one of {listed(words)}."
    return f"`{name}` cannot be {_shown(found)}.", fix


def _wrong_size(kind: str, name: str, context: Mapping[str, Any]) -> Finding | None:
    if kind in ("too_short", "string_too_short"):
        return f"`{name}` is empty.", _MISSING.get(name, f"Write at least one value, or remove `{name}`.")
    if kind == "too_long":
        most = context.get("max_length")
        return f"`{name}` has more than {most} entries.", f"Write at most {most}."
    if kind == "string_too_long":
        most = context.get("max_length")
        return f"`{name}` has more than {most:,} characters.", f"Write at most {most:,} characters."
    bounds = {
        "greater_than_equal": ("ge", "at least"),
        "less_than_equal": ("le", "at most"),
        "greater_than": ("gt", "more than"),
        "less_than": ("lt", "less than"),
    }
    if kind in bounds:
        key, words = bounds[kind]
        return f"`{name}` must be {words} {context.get(key)}.", f"Write {words} {context.get(key)}."
    return None


def _wrong_type(kind: str, subject: str, error: Mapping[str, Any]) -> Finding:
    found, name = _shown(error["input"]), _field_name(tuple(error["loc"]))
    if kind.startswith("string"):
        if isinstance(error["input"], int | float) and name in ("timeout", "initial", "max", "expiresAfter"):
            return f"{subject} must be a time span, but it is {found}.", f"Write {duration_for(str(error['input']))}."
        quoted = isinstance(error["input"], int | float)
        fix = f'Write it in quotes: `"{_plain(error["input"])}"`.' if quoted else "Write text."
        return f"{subject} must be text, but it is {found}.", fix
    shapes = (
        (("int", "float"), "number", "a number"),
        (("bool",), "flag", "`true` or `false`"),
        (("tuple", "list"), "list", "a list"),
        (("dict", "model"), "dict", "a mapping"),
    )
    for prefixes, example, shape in shapes:
        if kind.startswith(prefixes):
            return f"{subject} must be {shape}, but it is {found}.", f"Write {_EXAMPLES[example]}."
    return f"{subject} is wrong: {error['msg']}.", ""


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shown(value: Any) -> str:
    """A value as a sentence has it, cut short."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"`{_plain(value)}`"
    if isinstance(value, str):
        return f"the text `{value[:60]}{'…' if len(value) > 60 else ''}`"
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a mapping" if isinstance(value, Mapping) else "a list"
