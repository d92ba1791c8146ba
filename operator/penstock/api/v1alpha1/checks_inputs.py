"""Checks of the JSON Schema in `inputs` and `outputs.schema`: the part of Draft 2020-12 that every MCP client reads.

Needs no JSON Schema library, so that the command starts fast; a test holds that what passes here is a valid schema
for that library too. A schema without recursion and of bounded size keeps the check of a context short.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from penstock.api.v1alpha1.schema_keywords import (
    FORBIDDEN,
    KEYWORDS,
    MANY,
    MAX_PATTERN_PARTS,
    MAX_WEIGHT,
    NAMED,
    ONE,
    TYPES,
    definition,
    is_number,
    is_whole,
    pattern_parts,
    value_problem,
    weight,
)
from penstock.api.v1alpha1.subject import Subject
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.errors import Problem

FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
"""What a context field may be called: it becomes part of a variable's name."""
MAX_DEPTH = 32
MAX_STRING = 32_768
"""Longest `maxLength`: a value travels in a variable of a step's environment."""

_NOT_AT_TOP = ("anyOf", "oneOf", "allOf", "not", "if")


def check_inputs(subject: Subject) -> Iterator[Problem]:
    """Every problem of `inputs` and `outputs.schema`."""
    if subject.spec.inputs is not None:
        path = f"{subject.root}.inputs"
        yield from _top(subject.spec.inputs, path)
        yield from _whole(subject.spec.inputs, path)
    if subject.spec.outputs.schema_ is not None:
        path = f"{subject.root}.outputs.schema"
        yield from _whole(subject.spec.outputs.schema_, path)


def _whole(schema: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Problems of a schema; of one that is too large only that, for a look at the rest might take its time."""
    too_large = _size(schema, path)
    if too_large is not None:
        yield too_large
    else:
        yield from _schema(schema, path, schema, 0)


def _top(inputs: Mapping[str, Any], path: str) -> Iterator[Problem]:
    if inputs.get("type") != "object":
        found = f"it is `{inputs['type']}`" if isinstance(inputs.get("type"), str) else "`type` is missing"
        message = f"`inputs` must be a JSON Schema of an object, but {found}."
        yield Problem(f"{path}.type", message, "Write `type: object` beside `properties`.")
    for keyword in _NOT_AT_TOP:
        if keyword in inputs:
            message = f"`{keyword}` may not stand at the top of `inputs`: many MCP clients refuse such a tool."
            yield Problem(f"{path}.{keyword}", message, "Say it in the `properties`, or check it in the first step.")
    properties = inputs.get("properties")
    for name in properties if isinstance(properties, dict) else ():
        if not FIELD_NAME.fullmatch(name):
            better = re.sub(r"[^a-z0-9_]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
            fix = f"Write `{better}`." if FIELD_NAME.fullmatch(better) else "Write a name such as `customer_id`."
            message = f"The field `{name}` cannot be named by a script: {_name_fault(name)}."
            yield Problem(f"{path}.properties.{name}", message, fix)


def _name_fault(name: str) -> str:
    if len(name) > 63:
        return "a name has at most 63 characters"
    return "a name begins with a lower-case letter and has only lower-case letters, digits and `_`"


def _schema(schema: Any, path: str, root: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    """Problems of one schema and of those inside it."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        yield Problem(path, "A schema must be a mapping.", "Write it as `{type: string}`.")
        return
    if depth > MAX_DEPTH:
        yield Problem(path, f"The schema is nested more than {MAX_DEPTH} deep.", "Make it flatter.")
        return
    for keyword, value in schema.items():
        here = f"{path}.{keyword}"
        if keyword not in KEYWORDS:
            yield from _unknown(keyword, here)
        elif problem := value_problem(keyword, value):
            yield Problem(here, *problem)
        else:
            yield from _inside(keyword, value, here, root, depth)
    yield from _together(schema, path)
    if isinstance(schema.get("$ref"), str):
        yield from _reference(schema["$ref"], f"{path}.$ref", root)


def _inside(keyword: str, value: Any, path: str, root: Mapping[str, Any], depth: int) -> Iterator[Problem]:
    if keyword in ONE:
        yield from _schema(value, path, root, depth + 1)
    elif keyword in MANY:
        for index, inner in enumerate(value):
            yield from _schema(inner, f"{path}[{index}]", root, depth + 1)
    elif keyword in NAMED:
        for name, inner in value.items():
            yield from _schema(inner, f"{path}.{name}", root, depth + 1)


def _unknown(keyword: str, path: str) -> Iterator[Problem]:
    if keyword in FORBIDDEN:
        yield Problem(path, *FORBIDDEN[keyword])
    elif not keyword.startswith("x-"):
        near = closest(keyword, KEYWORDS)
        fix = f"Write `{near}`." if near else "Remove it; a note of your own begins with `x-`."
        yield Problem(path, f"`{keyword}` is not a keyword of JSON Schema that is supported here.", fix)


def _reference(target: str, path: str, root: Mapping[str, Any]) -> Iterator[Problem]:
    if not target.startswith("#"):
        message = f"`{target}` lies outside this Workflow, and nothing is fetched."
        yield Problem(path, message, "Copy the schema under `$defs` and write `$ref: '#/$defs/<name>'`.")
    elif definition(root, target) is None:
        names = root.get("$defs")
        known = f" There is {listed(names)}." if isinstance(names, dict) and names else ""
        fix = f"Write `#/$defs/<name>` with a name that stands under `$defs` at the top.{known}"
        yield Problem(path, f"`{target}` leads nowhere.", fix)


_PAIRS = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)


def _together(schema: Mapping[str, Any], path: str) -> Iterator[Problem]:
    """Problems that only show when keywords are read beside each other."""
    for low, high in _PAIRS:
        least, most = schema.get(low), schema.get(high)
        if is_number(least) and is_number(most) and least > most:
            message = f"No value fits: `{low}` {least} is more than `{high}` {most}."
            yield Problem(f"{path}.{low}", message, f"Write at most {most}, or raise `{high}`.")
    longest = schema.get("maxLength")
    if isinstance(longest, int) and longest > MAX_STRING:
        message = f"A value of the context has at most {MAX_STRING:,} characters."
        yield Problem(f"{path}.maxLength", message, f"Write at most {MAX_STRING}.")
    yield from _required(schema, path)
    yield from _default(schema, path)


def _required(schema: Mapping[str, Any], path: str) -> Iterator[Problem]:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, dict) or not isinstance(required, list) or schema.get("additionalProperties"):
        return
    for index, name in enumerate(required):
        if isinstance(name, str) and name not in properties:
            near = closest(name, properties)
            fix = f"Write `{near}`." if near else f"Add `{name}` to `properties`, or remove it here."
            yield Problem(f"{path}.required[{index}]", f"`{name}` is required but is not among the `properties`.", fix)


_IS_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": is_number,
    "integer": is_whole,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


def _default(schema: Mapping[str, Any], path: str) -> Iterator[Problem]:
    if "default" not in schema:
        return
    named = schema.get("type")
    types = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    known = [name for name in types if name in TYPES]
    if known and not any(_IS_TYPE[name](schema["default"]) for name in known):
        message = f"The default is not a value of type {listed(known)}."
        yield Problem(f"{path}.default", message, "Write a default of that type, or remove it.")
    elif isinstance(schema.get("enum"), list) and schema["default"] not in schema["enum"]:
        yield Problem(f"{path}.default", "The default is not one of the `enum` values.", "Write one of these.")


def _size(schema: Mapping[str, Any], path: str) -> Problem | None:
    total = weight(schema)
    if total is None:
        message = "The schema refers to itself, so a check of a value might never end."
        return Problem(path, message, "Write the levels out, or allow any value at the innermost one.")
    if total > MAX_WEIGHT:
        message = f"The schema has more than {MAX_WEIGHT:,} parts when its references are written out."
        return Problem(path, message, "Make it smaller.")
    if pattern_parts(schema) > MAX_PATTERN_PARTS:
        message = f"The patterns have more than {MAX_PATTERN_PARTS:,} parts when their repetitions are written out."
        return Problem(path, message, "Write `maxLength` in place of large repetitions.")
    return None
