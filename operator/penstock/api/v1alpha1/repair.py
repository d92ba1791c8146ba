"""Puts stand-ins where something is broken, so that everything else can still be checked in the same go.

Paths stay as they were written: a step is replaced in its place, never taken out. What is repaired here is thrown
away after the checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock.api.v1alpha1.meta import ApiModel
from penstock.api.v1alpha1.schema_messages import Location, fields_at, step_name_for
from penstock.api.v1alpha1.subject import STAND_IN
from penstock.api.v1alpha1.suggestions import closest

Renames = dict[Location, str]
"""Fields that were taken for another one: where they are now -> how they were written."""

_APPROVERS = {"users": [STAND_IN], "groups": [STAND_IN]}
_SCRIPT = {"runtime": STAND_IN, "source": STAND_IN}
_FIELDS: Mapping[str, Any] = {
    "metadata": {"name": "stand-in"},
    "source": STAND_IN,
    "limit": 1,
    "runtime": STAND_IN,
    "script": _SCRIPT,
    "image": STAND_IN,
    "container": {"image": STAND_IN},
    "approvers": _APPROVERS,
    "approval": {"approvers": _APPROVERS},
    "requiresApproval": {"approvers": _APPROVERS},
}
"""What stands in for a broken field; other fields are left out, as if they had not been written."""


def mended(data: Any, errors: Sequence[Mapping[str, Any]], root: type[ApiModel], renames: Renames) -> Any:
    """The document with a stand-in for each error; `data` is changed in place, `renames` is added to."""
    # From the end, so that a removed key never moves what another error speaks of.
    for error in reversed(errors):
        _mend(data, error, root, renames)
    return data


def written(location: Location, renames: Renames) -> Location:
    """The location as it is in what somebody wrote."""
    return tuple(renames.get(location[: index + 1], part) for index, part in enumerate(location))


def _mend(data: Any, error: Mapping[str, Any], root: type[ApiModel], renames: Renames) -> None:
    location: Location = tuple(error["loc"])
    if location and location[-1] == "[key]":
        location = location[:-1]
    parent = _find(data, location[:-1])
    if not location or parent is None:
        return
    key = location[-1]
    if error["type"] == "extra_forbidden":
        _take_for_another(parent, location, root, renames)
    elif isinstance(parent, list) and isinstance(key, int):
        parent[key] = _element(location, parent[key])
    elif isinstance(parent, dict):
        stand_in = _field(location, parent.get(key))
        if stand_in is None:
            parent.pop(key, None)
        else:
            parent[key] = stand_in


def _find(data: Any, location: Location) -> Any:
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def meant(location: Location, root: type[ApiModel]) -> str | None:
    """The field that an unknown one was probably meant to be."""
    return closest(str(location[-1]), fields_at(root, location[:-1]))


def _take_for_another(parent: Any, location: Location, root: type[ApiModel], renames: Renames) -> None:
    """An unknown field counts as the known one that was probably meant, unless that is there as well."""
    name = str(location[-1])
    value = parent.pop(name, None)
    near = meant(location, root)
    if near is not None and near not in parent:
        parent[near] = value
        renames[(*location[:-1], near)] = name


def _number(location: Location) -> str:
    return "_".join(str(part) for part in location if isinstance(part, int))


def _step_name(location: Location, found: Any) -> str:
    kept = step_name_for(found) if isinstance(found, str) else None
    side = "f" if "finally" in location else "s"
    return kept or f"{STAND_IN}_{side}{_number(location)}"


def _field(location: Location, found: Any) -> Any:
    name = location[-1]
    if name == "name" and "env" in location:
        return f"{STAND_IN}_{_number(location)}"
    if name == "name" and location[0] == "metadata":
        return "stand-in"
    if name == "name":
        return _step_name(location, found)
    if name == "steps":
        return [_step(location, None)]
    return _FIELDS.get(str(name))


def _element(location: Location, found: Any) -> Any:
    owner = location[-2]
    if owner in ("steps", "finally"):
        return _step(location, found)
    if owner == "needs":
        return _step_name(location, found)
    if owner == "env":
        return {"name": f"{STAND_IN}_{_number(location)}"}
    return STAND_IN


def _step(location: Location, found: Any) -> dict[str, Any]:
    name = found.get("name") if isinstance(found, dict) else found
    return {"name": _step_name(location, name), "approval": {"approvers": _APPROVERS}}
