"""Paths in the values that an expression sees: look one up, say what is missing, take only what is named. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from penstock.adapters.cel.values import kind_of
from penstock.api.v1alpha1.expressions import Path, render_path
from penstock.api.v1alpha1.suggestions import closest, listed


class Missing(Exception):
    """There is nothing at a path; the message says where it ends, in plain words."""

    def __init__(self, message: str, key: str | int) -> None:
        super().__init__(message)
        self.key = key
        """What was not found."""


def look_up(scope: Mapping[str, Any], path: Path) -> Any:
    """The value at a path. Raises Missing."""
    value: Any = scope
    for depth, key in enumerate(path):
        if not _has(value, key):
            raise Missing(_explain(value, path[:depth], key), key)
        value = value[key]
    return value


def _has(value: Any, key: str | int) -> bool:
    if isinstance(value, list | tuple):
        return isinstance(key, int) and key < len(value)
    return isinstance(value, Mapping) and key in value


def _explain(value: Any, path: Path, key: str | int) -> str:
    where = render_path(path)
    if not path:
        return f"`{key}` is not known; an expression sees {listed(value)}"
    if isinstance(value, list | tuple) and isinstance(key, int):
        return f"{where} has no element {key}; it has {len(value)}"
    if not isinstance(value, Mapping):
        return f"{where} is {kind_of(value)} and has no field `{key}`"
    if len(path) == 1 and path[0] == "steps":
        return f"the outcome of step `{key}` is not known here; known are {listed(value) or 'none'}"
    if len(path) == 2 and path[0] == "steps" and key == "output":
        return f"step `{path[1]}` has no output; it is {value.get('phase', 'not finished')}"
    near = closest(str(key), value)
    if near:
        return f"{where} has no field `{key}`; it has `{near}`"
    return f"{where} has no field `{key}`; it has {listed(value) or 'none'}"


def only(scope: Mapping[str, Any], paths: Iterable[Path]) -> dict[str, Any]:
    """The part of the scope that paths lead to: large outputs that are not named are never converted."""
    part: dict[str, Any] = {}
    whole: set[Path] = set()
    for path in sorted(set(paths), key=len):
        if not any(path[:length] in whole for length in range(1, len(path) + 1)):
            whole.add(_take(scope, part, path))
    return part


def _take(scope: Mapping[str, Any], part: dict[str, Any], path: Path) -> Path:
    """Put what is at `path`, or as far as it goes, into `part`; the path of what was put in."""
    source: Any = scope
    for depth, key in enumerate(path):
        if not isinstance(source, Mapping) or key not in source:
            break
        value = source[key]
        last = depth == len(path) - 1
        if last or not isinstance(value, Mapping):
            part[str(key)] = value
            return path[: depth + 1]
        part = part.setdefault(str(key), {})
        source = value
    return path
