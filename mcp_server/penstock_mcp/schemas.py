"""A Workflow's `inputs` and outputs as a tool's schemas: plain JSON Schema that every client can read, nothing else.

Whoever writes a Workflow writes into every model's context here, so all text is bounded and cleaned, references are
inlined (some clients cannot follow them), and keywords that clients act upon are left out. What cannot be shown safely
becomes `{}`: the Workflow's own inputs are checked on the call, whatever was shown.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import jsonschema
import referencing
from jsonschema.exceptions import SchemaError

from penstock_mcp.text import clean, clean_json

MAX_TEXT = 512
"""Characters of one description or title."""
MAX_SCHEMA = 65_536
"""Bytes of the schema of one tool's `context`, and of its output, as JSON."""
MAX_NODES = 4096
"""Schemas within one schema, references inlined; a chain of references can double with each link."""
MAX_DEPTH = 32

_TEXT = frozenset({"title", "description"})
_ONE = frozenset(
    {
        "additionalProperties",
        "contains",
        "else",
        "if",
        "items",
        "not",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
_LIST = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAP = frozenset({"dependentSchemas", "patternProperties", "properties"})
_AS_IT_IS = frozenset(
    {
        "const",
        "default",
        "dependentRequired",
        "deprecated",
        "enum",
        "examples",
        "exclusiveMaximum",
        "exclusiveMinimum",
        "format",
        "maxContains",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minContains",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "multipleOf",
        "pattern",
        "required",
        "type",
        "uniqueItems",
    }
)


def context_schema(inputs: Mapping[str, Any] | None) -> dict[str, Any]:
    """The schema of `context` for a Workflow's `inputs`; any object where it cannot be shown."""
    shown = _shown(inputs) if inputs else None
    if shown is None:
        return {"type": "object"}
    # Where the Workflow does not say otherwise, a value that it does not name is refused: models should know.
    return {"additionalProperties": False, **shown, "type": "object"}


def result_schema(outputs: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What a successful run gives back, for a Workflow's `outputs.schema`; None where that cannot be told."""
    return _shown(outputs) if outputs else None


def _shown(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    try:
        shown = _Cleaner(schema).schema(schema, MAX_DEPTH, frozenset())
        jsonschema.Draft202012Validator.check_schema(shown)
    except (_TooMuch, SchemaError):
        return None
    return shown if isinstance(shown, dict) and len(json.dumps(shown)) <= MAX_SCHEMA else None


def validator(schema: Mapping[str, Any]) -> jsonschema.Draft202012Validator:
    """A checker that never fetches anything: the empty registry keeps it from following remote references."""
    return jsonschema.Draft202012Validator(dict(schema), registry=referencing.Registry())


class _TooMuch(Exception):
    """The schema has more parts than anyone can use."""


class _Cleaner:
    """Copies one schema, keyword by keyword; what is not on the lists above stays behind."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._nodes = 0

    def schema(self, part: Any, depth: int, within: frozenset[str]) -> Any:
        """The cleaned copy of one schema; `within`: the references that led here."""
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise _TooMuch
        if isinstance(part, bool):
            return part
        if not isinstance(part, Mapping) or depth == 0:
            return {}
        own = {str(key): self._keyword(str(key), value, depth - 1, within) for key, value in part.items()}
        copy = {key: value for key, value in own.items() if value is not None}
        if "$ref" in part:
            target = self._target(part["$ref"], depth - 1, within)
            return {**target, **copy} if isinstance(target, dict) else copy
        return copy

    def _keyword(self, key: str, value: Any, depth: int, within: frozenset[str]) -> Any:
        """The cleaned value, or None where the keyword is left out."""
        if key in _AS_IT_IS:
            return clean_json(value)
        if key in _TEXT:
            return clean(value, MAX_TEXT) if isinstance(value, str) else None
        if key in _ONE:
            return self.schema(value, depth, within)
        if key in _LIST:
            return [self.schema(item, depth, within) for item in value] if isinstance(value, list) else None
        if key in _MAP and isinstance(value, Mapping):
            # A name with invisible characters would be shown as another name than the one that is meant.
            plain = {name: item for name, item in value.items() if clean_json(name) == name}
            return {name: self.schema(item, depth, within) for name, item in plain.items()}
        return None

    def _target(self, reference: Any, depth: int, within: frozenset[str]) -> Any:
        """What a local reference points to; `{}` for remote, unknown and circular ones."""
        if not isinstance(reference, str) or not reference.startswith("#/") or reference in within:
            return {}
        part: Any = self._root
        for step in reference[2:].split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(part, Mapping) or name not in part:
                return {}
            part = part[name]
        return self.schema(part, depth, within | {reference})
