"""The JSON patch that turns one status into another: exact (a merge patch would drop nulls inside outputs) and small.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BY_ENTRY = frozenset({"steps"})
"""Maps of which only the entries that differ are sent."""

Operation = dict[str, Any]


def precondition(resource_version: str) -> Operation:
    """The operation that makes the server answer 409 Conflict where somebody wrote since."""
    return {"op": "replace", "path": "/metadata/resourceVersion", "value": resource_version}


def whole_status(status: Mapping[str, Any]) -> list[Operation]:
    """Replace the status, whatever it is now."""
    return [{"op": "add", "path": "/status", "value": dict(status)}]


def changed_status(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Operation]:
    """Change what differs between two statuses; empty when nothing does. `old` must be what the server has."""
    if not old:
        return whole_status(new) if new else []
    return _differences("/status", old, new)


def _differences(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Operation]:
    operations: list[Operation] = [
        {"op": "remove", "path": f"{path}/{_escaped(name)}"} for name in old if name not in new
    ]
    for name, value in new.items():
        place = f"{path}/{_escaped(name)}"
        if name in _BY_ENTRY and old.get(name):
            operations += _differences(place, old[name], value)
        elif name not in old or not same(old[name], value):
            operations.append({"op": "add", "path": place, "value": value})
    return operations


def same(one: Any, other: Any) -> bool:
    """Equal as JSON: Python holds True for 1 and 1.0 for 1, programs do not."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and bool(one == other)


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
