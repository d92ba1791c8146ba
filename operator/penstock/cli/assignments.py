"""`--set key=value` and `--context`: from text to the JSON values that the Workflow's inputs ask for."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from penstock.errors import InvalidInput, Problem

_TEXT_OF = {
    "number": ("a number", "99.99"),
    "integer": ("a whole number", "3"),
    "boolean": ("true or false", "true"),
    "array": ("a JSON list", '\'["a", "b"]\''),
    "object": ("a JSON object", "'{\"a\": 1}'"),
    "null": ("null", "null"),
}
"""By JSON Schema type: what it is called, and an example."""

MAX_SHOWN = 80
"""Characters of a wrong value that are shown."""


def assigned(pairs: Sequence[str], inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The values of `key=value` pairs, typed by the Workflow's inputs; a key given twice takes its last value.

    Raises InvalidInput with every pair that is wrong: no `=`, an unknown key, a value of the wrong type.
    """
    properties = _properties(inputs)
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            missing = "name" if equals else "value"
            problems.append(Problem("", f"`--set {pair}` has no {missing}", "--set key=value"))
        elif key not in properties and not _open(inputs):
            problems.append(_unknown(key, properties))
        else:
            _read(key, text, properties.get(key), values, problems)
    if problems:
        raise InvalidInput("what --set gives does not fit the Workflow's inputs", problems=tuple(problems))
    return values


def document(text: str, origin: str) -> dict[str, Any]:
    """The context that a JSON or YAML document holds. Raises InvalidInput when it is not an object of JSON values."""
    if text.lstrip().startswith("{"):
        try:
            value = _strict_json(text)
        except ValueError as error:
            raise InvalidInput(f"the context from {origin} is not JSON: {error}") from error
    else:
        value = _yaml(text, origin)
    if not isinstance(value, dict):
        raise InvalidInput(
            f"the context from {origin} is {_kind(value)}, not an object",
            hint='Write it as {"customer_id": "CUST-1"} or as YAML with one `key: value` a line.',
        )
    return value


def _read(key: str, text: str, schema: Any, values: dict[str, Any], problems: list[Problem]) -> None:
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if wanted == "string":
        values[key] = text
        return
    if isinstance(wanted, list):
        _read_one_of(key, text, [str(each) for each in wanted], values, problems)
        return
    try:
        value = _strict_json(text)
    except ValueError as error:
        if wanted is None and not text.startswith(("{", "[")):
            # Without a type in the schema a value is JSON where it reads as JSON, text where not.
            values[key] = text
            return
        why = "" if isinstance(error, json.JSONDecodeError) else str(error)
        problems.append(_wrong(key, text, str(wanted or "object"), why))
        return
    if isinstance(wanted, str) and not _is(value, wanted):
        problems.append(_wrong(key, text, wanted))
        return
    values[key] = value


def _read_one_of(key: str, text: str, wanted: list[str], values: dict[str, Any], problems: list[Problem]) -> None:
    """Where the schema lists types: what reads as JSON of one of them is that, and else text, where that is one."""
    try:
        value = _strict_json(text)
    except ValueError:
        value = text
    if not isinstance(value, str) and any(each != "string" and _is(value, each) for each in wanted):
        values[key] = value
    elif "string" in wanted:
        values[key] = text
    else:
        problems.append(_wrong(key, text, wanted[0]))


def _wrong(key: str, text: str, wanted: str, why: str = "") -> Problem:
    name, example = _TEXT_OF.get(wanted, (wanted, "..."))
    shown = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
    because = f": {why}" if why else ""
    return Problem(f"context.{key}", f"`{shown}` is not {name}{because}", f"--set {key}={example}")


def _unknown(key: str, properties: Mapping[str, Any]) -> Problem:
    from difflib import get_close_matches

    if not properties:
        return Problem(f"context.{key}", "the Workflow has no inputs", "leave it out")
    near = get_close_matches(key, properties, n=1)
    fix = f"--set {near[0]}=..." if near else f"one of: {', '.join(properties)}"
    return Problem(f"context.{key}", f"the Workflow has no input `{key}`", fix)


def _properties(inputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    found = (inputs or {}).get("properties")
    return found if isinstance(found, Mapping) else {}


def _open(inputs: Mapping[str, Any] | None) -> bool:
    extra = (inputs or {}).get("additionalProperties", False)
    return extra is True or isinstance(extra, Mapping)


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    kinds: Mapping[str, type | tuple[type, ...]] = {
        "number": (int, float),
        "array": list,
        "object": dict,
        "null": type(None),
    }
    return wanted not in _TEXT_OF or (wanted in kinds and isinstance(value, kinds[wanted]))


def _strict_json(text: str) -> Any:
    """The JSON value of a text. Raises ValueError, also for what JSON leaves open: a key twice, numbers without end."""
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_distinct)
        # 1e999 reads as infinity, which nobody could write down again.
        json.dumps(value, allow_nan=False)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key `{key}` is there twice")
        found[key] = value
    return found


def _yaml(text: str, origin: str) -> Any:
    """Read as a Workflow's file is: keys once, aliases counted. Raises InvalidInput with the lines."""
    from penstock.api.v1alpha1.yaml_reading import read_yaml

    documents, problems = read_yaml(text)
    if problems:
        raise InvalidInput(f"the context from {origin} is not valid YAML", problems=problems)
    if len(documents) > 1:
        raise InvalidInput(f"the context from {origin} has {len(documents)} documents, not one")
    return documents[0].data if documents else None


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else f"`{value}`"
