"""Rows of a database: read within bounds, and as JSON has them."""

from __future__ import annotations

import base64
import datetime as dt
import json
import math
import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy.engine import Connection as Database


@dataclass(frozen=True)
class Fetched:
    """What a statement came to."""

    names: list[str]
    """Of the columns; none where it gives no rows."""
    rows: Sequence[Sequence[Any]]
    count: int
    """Rows that it changed, or that are here."""
    complete: bool
    """There are no more."""


def fetched(
    database: Database, statement: str, parameters: Mapping[str, Any], most: int, *, stream: bool = False
) -> Fetched:
    """Execute a statement and read `most` of its rows. `stream`: one after the other, which only reading allows."""
    import sqlalchemy

    given = {name: _bindable(value) for name, value in parameters.items()}
    text = sqlalchemy.text(_quoted_colons(statement))
    result = database.execution_options(stream_results=stream).execute(text, given)
    if not result.returns_rows:
        return Fetched([], [], max(result.rowcount, 0), complete=True)
    names = _names(list(result.keys()))
    found = result.fetchmany(most + 1)
    result.close()
    rows = list(found[:most])
    return Fetched(names, rows, len(rows), len(found) <= most)


def as_json(found: Fetched) -> dict[str, Any]:
    """The output of a step: `rows`, `rowCount`, `complete`."""
    rows = [dict(zip(found.names, map(plain, row), strict=True)) for row in found.rows]
    return {"rows": rows, "rowCount": found.count, "complete": found.complete}


_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)


def _quoted_colons(statement: str) -> str:
    """The statement for SQLAlchemy, which would take `:name` for a parameter within texts, names and comments, too."""
    return _QUOTED.sub(lambda found: found[0].replace(":", "\\:"), statement)


def _bindable(value: Any) -> Any:
    # A database takes a mapping as the text of a JSON document; a list may be an array of its own.
    return json.dumps(value) if isinstance(value, dict) else value


def _names(keys: list[str]) -> list[str]:
    """Names of the columns, each of its own: two of one name would hide a value."""
    taken = set(keys)
    names: list[str] = []
    for key in keys:
        name, number = key, 1
        while name in names or (number > 1 and name in taken):
            number += 1
            name = f"{key}_{number}"
        names.append(name)
    return names


def plain(value: Any) -> Any:
    """A value of a database as JSON has it: what JSON has no type for becomes text."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return _rendered(value)


def _rendered(value: Any) -> float | str:
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    # A Decimal, too: a number of JSON would be rounded by whoever reads it.
    return str(value)
