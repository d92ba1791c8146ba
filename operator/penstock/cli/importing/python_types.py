"""Types of Python as JSON Schema, read and never evaluated. Pure."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
_PLAIN: Mapping[str, Json] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "Sequence": {"type": "array"},
    "Any": {},
}
_MAPPINGS = ("dict", "Dict", "Mapping")
_LISTS = ("list", "List", "Sequence")
KNOWN = "str, int, float, bool, list[…], dict[str, …], Literal[…], or one of them | None"
"""What can be said in JSON, for people."""


class NoJson(Exception):
    """JSON has nothing like it."""


def schema_of(kind: ast.expr) -> Json:
    """The schema of a type. Raises NoJson."""
    if isinstance(kind, ast.Constant) and isinstance(kind.value, str):
        return schema_of(ast.parse(kind.value, mode="eval").body)
    if inner := optional(kind):
        return schema_of(inner)
    if isinstance(kind, ast.Subscript):
        return _of_parts(name_of(kind.value), parts_of(kind))
    plain = _PLAIN.get(name_of(kind))
    if plain is None:
        raise NoJson(ast.unparse(kind))
    return dict(plain)


def optional(kind: ast.expr) -> ast.expr | None:
    """The type beside None, of `X | None` and `Optional[X]`; None for every other type."""
    if isinstance(kind, ast.Subscript) and name_of(kind.value) == "Optional":
        return parts_of(kind)[0]
    if isinstance(kind, ast.BinOp) and isinstance(kind.op, ast.BitOr):
        sides = [side for side in (kind.left, kind.right) if not _is_none(side)]
        return sides[0] if len(sides) == 1 else None
    return None


def described(kind: ast.expr) -> tuple[ast.expr, str]:
    """The type and the words of `Annotated[type, "words"]`; without words where there are none."""
    if not isinstance(kind, ast.Subscript) or name_of(kind.value) != "Annotated":
        return kind, ""
    first, *more = parts_of(kind)
    words = (each.value for each in more if isinstance(each, ast.Constant) and isinstance(each.value, str))
    return first, next(words, "").strip()


def name_of(kind: ast.expr) -> str:
    """The last word of a dotted name; empty for what is no name."""
    if isinstance(kind, ast.Attribute):
        return kind.attr
    return kind.id if isinstance(kind, ast.Name) else ""


def parts_of(kind: ast.Subscript) -> list[ast.expr]:
    """What stands between the brackets."""
    return list(kind.slice.elts) if isinstance(kind.slice, ast.Tuple) else [kind.slice]


def _of_parts(name: str, parts: list[ast.expr]) -> Json:
    if name == "Literal" and all(isinstance(part, ast.Constant) for part in parts):
        return {"enum": [part.value for part in parts if isinstance(part, ast.Constant)]}
    if name in _LISTS and len(parts) == 1:
        return {"type": "array", "items": schema_of(parts[0])}
    if name in _MAPPINGS and len(parts) == 2 and name_of(parts[0]) == "str":
        values = schema_of(parts[1])
        return {"type": "object", **({"additionalProperties": values} if values else {})}
    raise NoJson(name or "this")


def _is_none(kind: ast.expr) -> bool:
    return isinstance(kind, ast.Constant) and kind.value is None
