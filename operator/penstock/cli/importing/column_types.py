"""Types of columns as JSON Schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

MAX_LENGTH = 32_768
"""Characters that a value of the context has at most."""
EXACT_DIGITS = 15
"""Digits that survive in a number of JSON, whoever reads it."""
_SMALL = 2**15


def schema_of(kind: Any) -> Mapping[str, Any] | None:
    """What a value of a column of this type is; None where JSON has nothing for it."""
    from sqlalchemy import types

    if isinstance(kind, types.LargeBinary):
        return None
    if isinstance(kind, types.Enum):
        return {"type": "string", "enum": list(kind.enums)} if kind.enums else {"type": "string"}
    if isinstance(kind, types.ARRAY):
        inner = schema_of(kind.item_type)
        return None if inner is None else {"type": "array", "items": dict(inner)}
    for known, schema in _plain().items():
        if isinstance(kind, known):
            return schema
    # Of different families, as SQLAlchemy has them since 2.1.
    if isinstance(kind, types.Numeric | types.Float):
        return _number(kind)
    if isinstance(kind, types.String):
        length = kind.length
        return {"type": "string", "maxLength": length} if length and length <= MAX_LENGTH else {"type": "string"}
    if isinstance(kind, types.NullType):
        # A column of SQLite without a type takes what it is given.
        return {"type": ["string", "number", "boolean"]}
    return {"type": "string"}


def shown_schema(kind: Any, dialect: Dialect, *, nullable: bool, counted: bool = False) -> dict[str, Any]:
    """What a row that comes back has in such a column: as wide as what the database lets be there.

    A value that does not fit would fail a run whose statement has long been executed. `counted`: a key of SQLite that
    is the number of its row.
    """
    types = ("integer",) if counted else _shown_types(kind, dialect.name)
    schema: dict[str, Any] = {}
    if types:
        types = (*types, "null") if nullable else types
        schema["type"] = types[0] if len(types) == 1 else list(types)
    if named := _named(kind, dialect):
        schema["description"] = named
    return schema


def is_text(kind: Any) -> bool:
    """Whether a column of this type holds text of any kind."""
    from sqlalchemy import types

    return isinstance(kind, types.String) and not isinstance(kind, types.Enum)


def _shown_types(kind: Any, dialect: str) -> tuple[str, ...]:
    """Types of JSON that values have in an output; none where it may be any."""
    from sqlalchemy import types

    if dialect == "sqlite":
        # It keeps to a column's type for text alone; elsewhere there can be text that is no number.
        return ("string",) if isinstance(kind, types.String) else ("number", "string")
    shown: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (types.Boolean, ("boolean",)),
        (types.Integer, ("integer",)),
        # NaN and the infinite are text.
        (types.Float, ("number", "string")),
        (types.Numeric, ("string",)),
        (types.ARRAY, ("array",)),
        ((types.String, types.LargeBinary, types.DateTime, types.Date, types.Time, types.Uuid), ("string",)),
    )
    for known, names in shown:
        if isinstance(kind, known):
            return names
    return _SHOWN_BY_NAME.get(getattr(kind, "__visit_name__", ""), ())


_SHOWN_BY_NAME = {"INTERVAL": ("number",), "INET": ("string",), "CIDR": ("string",), "MACADDR": ("string",)}
"""Types that only PostgreSQL has. A stretch of time comes as its seconds."""


def _named(kind: Any, dialect: Dialect) -> str:
    """The type as SQL has it; empty for a column without one."""
    from sqlalchemy import exc, types

    if isinstance(kind, types.NullType):
        return ""
    try:
        return " ".join(str(kind.compile(dialect=dialect)).split())
    except exc.SQLAlchemyError:
        return type(kind).__name__


def _plain() -> dict[Any, Mapping[str, Any]]:
    from sqlalchemy import types

    return {
        types.Boolean: {"type": "boolean"},
        types.SmallInteger: {"type": "integer", "minimum": -_SMALL, "maximum": _SMALL - 1},
        types.BigInteger: {"type": "integer"},
        types.Integer: {"type": "integer"},
        types.DateTime: {"type": "string", "format": "date-time"},
        types.Date: {"type": "string", "format": "date"},
        types.Time: {"type": "string", "format": "time"},
        types.Uuid: {"type": "string", "format": "uuid"},
        types.JSON: {"type": "object"},
    }


def _number(kind: Any) -> Mapping[str, Any]:
    from sqlalchemy import types

    if not isinstance(kind, types.Float) and kind.precision is not None and kind.precision > EXACT_DIGITS:
        # A number of JSON would be rounded on its way.
        return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
    return {"type": "number"}
