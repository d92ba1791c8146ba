"""Checks an answer against a JSON Schema, without following references out of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .answers import MAX_DEPTH, depth
from .failure import CALL_REFUSED, CallFailed

MOST = 20
"""Problems that are told at once."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises CallFailed where no answer could be checked by it."""
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import best_match
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    known = Draft202012Validator(Draft202012Validator.META_SCHEMA, format_checker=FormatChecker(["regex"]))
    wrong = best_match(known.iter_errors(schema))
    if wrong is not None:
        raise CallFailed(CALL_REFUSED, f"`outputSchema` is no JSON Schema: {wrong.json_path}: {wrong.message[:300]}")
    resolver = Registry().with_resource("", DRAFT202012.create_resource(dict(schema))).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            reason = f"`outputSchema` refers to {reference[:300]!r}, which is not in it; nothing is fetched"
            raise CallFailed(CALL_REFUSED, reason) from None


def problems_of(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What does not fit, each with its place."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    try:
        # What a client reads as JSON may be none: NaN, and numbers such as 1e999.
        json.dumps(value, allow_nan=False)
    except ValueError:
        return ["a number in it is not finite, which JSON does not know"]
    if depth(value) > MAX_DEPTH:
        return [f"it is nested more than {MAX_DEPTH} deep"]
    validator = Draft202012Validator(schema, registry=Registry())
    errors = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.path])
    return [f"{error.json_path}: {error.message[:300]}" for error in errors[:MOST]]


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _references(each)
