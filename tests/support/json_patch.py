"""RFC 6902 (add, remove, replace, test) and RFC 7386, as far as the tests need them."""

from __future__ import annotations

import copy
from typing import Any


class PatchFailed(Exception):
    """The patch does not fit the document."""


def apply_json_patch(document: Any, operations: list[dict[str, Any]]) -> Any:
    document = copy.deepcopy(document)
    for operation in operations:
        parts = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
        parent = document
        for part in parts[:-1]:
            parent = parent[int(part)] if isinstance(parent, list) else parent[part]
        _one(parent, parts[-1], operation)
    return document


def _one(parent: Any, name: str, operation: dict[str, Any]) -> None:
    kind, value = operation["op"], copy.deepcopy(operation.get("value"))
    if isinstance(parent, list):
        if kind == "add":
            parent.insert(len(parent) if name == "-" else int(name), value)
        elif kind == "remove":
            del parent[int(name)]
        else:
            raise PatchFailed(operation)
    elif kind == "add":
        parent[name] = value
    elif name not in parent:
        raise PatchFailed(operation)
    elif kind == "remove":
        del parent[name]
    elif kind == "replace":
        parent[name] = value
    elif kind == "test" and parent[name] != value:
        raise PatchFailed(operation)


def apply_merge_patch(document: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = apply_merge_patch(merged.get(name), value)
    return merged
