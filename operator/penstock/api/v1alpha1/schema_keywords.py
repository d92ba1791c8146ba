"""The keywords of JSON Schema that inputs may use: what each must hold, and how large a schema is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from penstock.api.v1alpha1.patterns import compile_pattern, count_parts
from penstock.api.v1alpha1.suggestions import closest, listed

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
MAX_WEIGHT = 2_000
"""Schemas inside one schema, references written out: what one value may be checked against."""
MAX_PATTERN_PARTS = 5_000
"""Of all patterns in one schema."""

ONE = frozenset({"additionalProperties", "items", "not", "if", "then", "else", "contains", "propertyNames"})
"""Keywords that hold a schema."""
MANY = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
"""Keywords that hold a list of schemas."""
NAMED = frozenset({"properties", "$defs", "dependentSchemas"})
"""Keywords that hold schemas by name."""

_TEXT = frozenset({"title", "description", "$comment", "format", "contentEncoding", "contentMediaType", "$ref"})
_NUMBER = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_COUNT = frozenset(
    {
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
        "minContains",
        "maxContains",
    }
)
_FLAG = frozenset({"uniqueItems", "deprecated", "readOnly", "writeOnly"})
_LIST = frozenset({"enum", "examples"})
_ANY = frozenset({"default", "const"})
_OTHER = frozenset({"type", "required", "pattern", "$schema", "dependentRequired"})
KEYWORDS = ONE | MANY | NAMED | _TEXT | _NUMBER | _COUNT | _FLAG | _LIST | _ANY | _OTHER

_HEADER = "It would choose HTTP headers of whoever calls the tool."
_NO_BASE = "References lead to `$defs` of the same schema only."
FORBIDDEN: Mapping[str, tuple[str, str]] = {
    "x-mcp-header": (f"`x-mcp-header` is not allowed. {_HEADER}", "Remove it."),
    "x-fastmcp-wrap-result": ("`x-fastmcp-wrap-result` is not allowed: it changes what a client reads.", "Remove it."),
    "patternProperties": (
        "`patternProperties` is not supported: many MCP clients ignore it.",
        "Write the fields under `properties`, or `additionalProperties` with a schema.",
    ),
    "$id": (f"`$id` is not supported. {_NO_BASE}", "Remove it."),
    "$anchor": (f"`$anchor` is not supported. {_NO_BASE}", "Write `$ref: '#/$defs/<name>'`."),
    "$dynamicRef": (f"`$dynamicRef` is not supported. {_NO_BASE}", "Write `$ref: '#/$defs/<name>'`."),
    "$dynamicAnchor": (f"`$dynamicAnchor` is not supported. {_NO_BASE}", "Remove it."),
    "definitions": ("`definitions` is the old name of `$defs`.", "Write `$defs`."),
    "nullable": ("`nullable` belongs to OpenAPI, not to JSON Schema.", 'Write `type: [string, "null"]`.'),
    "unevaluatedProperties": ("`unevaluatedProperties` is not supported.", "Write `additionalProperties: false`."),
}

Finding = tuple[str, str]
"""(message, fix)."""


def value_problem(keyword: str, value: Any) -> Finding | None:
    """What is wrong with the value of a keyword itself; what lies inside it is not looked at."""
    if keyword == "additionalProperties" or keyword in ONE:
        ok, shape = isinstance(value, dict | bool), "a schema such as `{type: string}`"
    elif keyword in MANY:
        ok, shape = isinstance(value, list) and bool(value), "a list of schemas"
    elif keyword in NAMED:
        ok, shape = isinstance(value, dict), "a mapping of names to schemas"
    elif keyword in _NUMBER:
        ok, shape = is_number(value) and (keyword != "multipleOf" or value > 0), "a number"
        shape = "a number above 0" if keyword == "multipleOf" else shape
    elif keyword in _COUNT:
        ok, shape = is_whole(value) and value >= 0, "a whole number, 0 or more"
    elif keyword in _FLAG:
        ok, shape = isinstance(value, bool), "`true` or `false`"
    else:
        return _other_problem(keyword, value)
    return None if ok else (f"`{keyword}` must be {shape}.", f"Write {shape}.")


def _other_problem(keyword: str, value: Any) -> Finding | None:
    if keyword in _TEXT:
        return None if isinstance(value, str) else (f"`{keyword}` must be text.", "Write it in quotes.")
    if keyword in _LIST:
        ok = isinstance(value, list) and bool(value)
        return None if ok else (f"`{keyword}` must be a list with at least one value.", "Write `[a, b]`.")
    if keyword == "type":
        return _type_problem(value)
    if keyword == "required":
        return (
            None
            if _is_names(value)
            else (
                "`required` must be a list of field names.",
                "Write `required: [customer_id]` beside `properties`, not inside a field.",
            )
        )
    if keyword == "pattern":
        return _pattern_problem(value)
    if keyword == "$schema":
        return None if value in (DRAFT, f"{DRAFT}#") else (f"`$schema` must be `{DRAFT}`.", "Write that, or remove it.")
    if keyword == "dependentRequired":
        ok = isinstance(value, dict) and all(_is_names(names) for names in value.values())
        return None if ok else ("`dependentRequired` must map names to lists of names.", "Write `{a: [b]}`.")
    return None


def _type_problem(value: Any) -> Finding | None:
    names = value if isinstance(value, list) else [value]
    for name in names:
        if name not in TYPES:
            near = closest(name, TYPES) if isinstance(name, str) else None
            meant = _TYPES_ELSEWHERE.get(name, near) if isinstance(name, str) else near
            fix = f"Write `{meant}`." if meant else f"The types are {listed(TYPES)}."
            return f"`{name}` is not a type of JSON Schema.", fix
    if not names or len(set(names)) != len(names):
        return "`type` must be one type or a list of different ones.", "Write `type: string`."
    return None


_TYPES_ELSEWHERE = {
    "str": "string",
    "text": "string",
    "int": "integer",
    "float": "number",
    "double": "number",
    "bool": "boolean",
    "list": "array",
    "dict": "object",
    "map": "object",
    "none": "null",
}


def _pattern_problem(value: Any) -> Finding | None:
    if not isinstance(value, str):
        return "`pattern` must be text.", "Write it in quotes."
    try:
        compile_pattern(value)
    except ValueError as error:
        fix = "Write a pattern such as `^CUST-[0-9]+$`; look-around and back-references are not supported."
        return f"The pattern `{value}` cannot be used: {error}.", fix
    return None


def is_number(value: Any) -> TypeGuard[int | float]:
    """A JSON number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """A JSON integer, which 1.0 is too."""
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value) and len(set(value)) == len(value)


def definition(root: Mapping[str, Any], reference: str) -> Any:
    """The schema that a reference (`#/$defs/address`) leads to; None where it leads nowhere."""
    prefix, _, name = reference.rpartition("/")
    definitions = root.get("$defs")
    return definitions.get(name) if prefix == "#/$defs" and isinstance(definitions, dict) else None


def weight(root: Mapping[str, Any]) -> int | None:
    """How many schemas there are when references are written out; None when that never ends."""
    try:
        return _weight(root, root, {}, [])
    except RecursionError:
        return None


def pattern_parts(schema: Any) -> int:
    """Parts of all patterns in a schema together."""
    total, todo = 0, [schema]
    while todo:
        node = todo.pop()
        if isinstance(node, dict):
            todo.extend(node.values())
            total += count_parts(node["pattern"]) if isinstance(node.get("pattern"), str) else 0
        elif isinstance(node, list):
            todo.extend(node)
    return total


def _weight(schema: Any, root: Mapping[str, Any], known: dict[int, int], path: list[int]) -> int:
    if not isinstance(schema, dict):
        return 1
    key = id(schema)
    if key in path:
        raise RecursionError
    if key not in known:
        path.append(key)
        known[key] = 1 + sum(_weight(inner, root, known, path) for inner in _parts(schema, root))
        path.pop()
    return known[key]


def _parts(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[Any]:
    for keyword, value in schema.items():
        if keyword in ONE:
            yield value
        elif keyword in MANY and isinstance(value, list):
            yield from value
        elif keyword in NAMED and keyword != "$defs" and isinstance(value, dict):
            yield from value.values()
        elif keyword == "$ref" and isinstance(value, str):
            yield definition(root, value)
