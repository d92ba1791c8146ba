"""One `sql` call: a statement in a transaction of its own, and its rows as JSON."""

from __future__ import annotations

import base64
import datetime as dt
import math
import sqlite3
import time

from . import granted
from .failure import CALL_FAILED, CALL_REFUSED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy.engine import Connection as Database
    from sqlalchemy.engine import Engine

CONNECT_SECONDS = 10
_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""


def perform(call: Mapping[str, Any], connection: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """What the statement comes to: `rows`, `rowCount`, `complete`. Raises CallFailed; then nothing has changed."""
    engine = engine_of(connection["url"], secret)
    granted.check(call, connection, engine.dialect.name)
    import sqlalchemy
    from sqlalchemy import exc

    try:
        with engine.connect() as database, database.begin():
            _bound(database, call)
            # Read row by row, not all of them at once; a statement that writes cannot be read so.
            statement = sqlalchemy.text(call["statement"])
            result = database.execution_options(stream_results=not call["write"]).execute(
                statement, dict(call["parameters"])
            )
            if not result.returns_rows:
                return {"rows": [], "rowCount": max(result.rowcount, 0), "complete": True}
            names = _names(list(result.keys()))
            found = result.fetchmany(call["maxRows"] + 1)
            rows = [dict(zip(names, map(plain, row), strict=True)) for row in found[: call["maxRows"]]]
            result.close()
            return {"rows": rows, "rowCount": len(rows), "complete": len(found) <= call["maxRows"]}
    except exc.DBAPIError as error:
        raise CallFailed(CALL_FAILED, f"the database says: {_words(error.orig or error)}") from error
    except exc.SQLAlchemyError as error:
        raise CallFailed(CALL_FAILED, f"the statement cannot be executed: {_words(error)}") from error
    finally:
        engine.dispose()


def engine_of(url: str, secret: str | None) -> Engine:
    """The way to a database. Raises CallFailed."""
    try:
        import sqlalchemy
        from sqlalchemy import exc, pool
    except ImportError as error:
        raise CallFailed(CALL_FAILED, "sqlalchemy is not installed here: pip install 'penstock[sql]'") from error

    try:
        place = sqlalchemy.make_url(url)
        if secret is not None:
            place = place.set(password=secret.strip("\r\n"))
        options: dict[str, Any] = {}
        if place.get_backend_name() == "postgresql":
            options = {"connect_timeout": CONNECT_SECONDS}
        return sqlalchemy.create_engine(place, poolclass=pool.NullPool, connect_args=options)
    except (exc.SQLAlchemyError, ImportError, ValueError, TypeError) as error:
        # Never the text of the error alone: it may hold the address with the password in it.
        raise CallFailed(CALL_FAILED, f"there is no way to {url!r} from here: {type(error).__name__}") from error


def _bound(database: Database, call: Mapping[str, Any]) -> None:
    """Hold the transaction to what the step may do, and to its time."""
    milliseconds = max(1, math.ceil(call["statementTimeout"] * 1000))
    if database.dialect.name == "postgresql":
        if not call["write"]:
            database.exec_driver_sql("SET TRANSACTION READ ONLY")
        database.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
    elif database.dialect.name == "sqlite":
        raw = database.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        if not call["write"]:
            database.exec_driver_sql("PRAGMA query_only = ON")
        deadline = time.monotonic() + milliseconds / 1000
        raw.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
    elif not call["write"]:
        raise CallFailed(
            CALL_REFUSED,
            f"nothing here can make a transaction of {database.dialect.name} read-only; a step that may write says "
            "`write: true`",
        )


def _names(keys: list[str]) -> list[str]:
    """Names of the columns, each of its own: two of one name would hide a value."""
    seen: dict[str, int] = {}
    names = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        names.append(key if seen[key] == 1 else f"{key}_{seen[key]}")
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


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:600] or type(error).__name__
