"""What CEL came to, as JSON has it. Pure."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

MAX_DEPTH = 64
"""The library converts values by recursion without a bound; on a small stack some 300 levels end the process."""


def to_json(value: Any) -> Any:
    """A result as JSON: bytes in base64, times in RFC 3339, durations in seconds (`90s`), keys as text.

    Raises ValueError, in plain words, for what JSON cannot say.
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("the result is not a finite number")
        return value
    if isinstance(value, Mapping):
        # Sorted, for the library has them in an order that is another each time.
        return {key: to_json(item) for key, item in sorted((_key(key), item) for key, item in value.items())}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return _special(value)


def _special(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return f"{value.total_seconds():.6f}".rstrip("0").rstrip(".") + "s"
    if hasattr(value, "has_value"):
        return to_json(value.value()) if value.has_value() else None
    raise ValueError(f"the result is of a kind that JSON does not know ({type(value).__name__})")


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def as_text(value: Any) -> str:
    """A value as it stands in a text: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def too_deep(value: Any) -> bool:
    """Whether lists and maps are nested deeper than MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, Mapping):
                inner.extend(child for child in item.values() if isinstance(child, Mapping | list | tuple))
            elif isinstance(item, list | tuple):
                inner.extend(child for child in item if isinstance(child, Mapping | list | tuple))
        if not inner:
            return False
        level = inner
    return True


def heavier(value: Any, limit: int) -> bool:
    """Whether a JSON value has more than `limit` characters, numbers and entries together. Stops where it knows."""
    weight, todo = 0, [value]
    while todo:
        item = todo.pop()
        weight += 1
        if isinstance(item, str | bytes):
            weight += len(item)
        elif isinstance(item, Mapping):
            weight += sum(len(key) for key in item if isinstance(key, str))
            todo.extend(item.values())
        elif isinstance(item, list | tuple):
            todo.extend(item)
        if weight + len(todo) > limit:
            return True
    return False


def kind_of(value: Any) -> str:
    """The kind of a JSON value, in plain words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    if isinstance(value, int):
        return "a whole number"
    if isinstance(value, float):
        return "a number with decimals"
    return "a map" if isinstance(value, Mapping) else "a list"
