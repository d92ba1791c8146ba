"""Checks an answer against a JSON Schema, without following references out of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 20
"""Problems that are told at once."""


def problems_of(schema: Mapping[str, Any], value: Any) -> list[str]:
    """What does not fit, each with its place."""
    from jsonschema import Draft202012Validator
    from referencing import Registry

    validator = Draft202012Validator(schema, registry=Registry())
    errors = sorted(validator.iter_errors(value), key=lambda error: [str(part) for part in error.path])
    return [f"{error.json_path}: {error.message[:300]}" for error in errors[:MOST]]
