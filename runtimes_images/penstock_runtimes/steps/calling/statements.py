"""One `sql` call: a statement in a transaction of its own, and its rows as JSON."""

from __future__ import annotations

import math
import sqlite3
import time

from . import granted
from .failure import CALL_FAILED, CALL_REFUSED, CallFailed
from .rows import as_json, fetched

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from sqlalchemy.engine import Connection as Database
    from sqlalchemy.engine import Engine

CONNECT_SECONDS = 10
TRIES = 5
"""How often a transaction with rules is begun where others write the same rows."""
_CONFLICTS = ("40001", "40P01")
"""SQLSTATEs of a transaction that has to be begun anew, and may be."""
_STEPS = 10_000
"""Steps of SQLite's machine between two looks at the clock."""


def perform(call: Mapping[str, Any], connection: Mapping[str, Any], secret: str | None) -> dict[str, Any]:
    """What the statement comes to: `rows`, `rowCount`, `complete`. Raises CallFailed; then nothing has changed."""
    engine = engine_of(connection["url"], secret)
    granted.check(call, connection, engine.dialect.name)
    from sqlalchemy import exc

    try:
        for left in reversed(range(TRIES if call.get("rules") else 1)):
            try:
                return _transaction(engine, call)
            except exc.DBAPIError as error:
                if not left or getattr(error.orig, "sqlstate", None) not in _CONFLICTS:
                    raise
        raise AssertionError("the last try returns or raises")
    except exc.DBAPIError as error:
        raise CallFailed(CALL_FAILED, f"the database says: {_words(error.orig or error)}") from error
    except exc.SQLAlchemyError as error:
        raise CallFailed(CALL_FAILED, f"the statement cannot be executed: {_words(error)}") from error
    except (OverflowError, UnicodeError) as error:
        # Of the driver, before anything reaches the database: a number too large for it, half of a surrogate pair.
        raise CallFailed(CALL_REFUSED, f"the database cannot take what a parameter holds: {_words(error)}") from error
    finally:
        engine.dispose()


def _transaction(engine: Engine, call: Mapping[str, Any]) -> dict[str, Any]:
    with engine.connect() as database:
        if call.get("rules"):
            # What the rules saw has to hold still when what they let through is there.
            database.execution_options(isolation_level="SERIALIZABLE")
        with database.begin():
            _bound(database, call)
            if call.get("rules"):
                from . import ruled

                return ruled.execute(database, call)
            # Read row by row, not all of them at once; a statement that writes cannot be read so.
            found = fetched(database, call["statement"], call["parameters"], call["maxRows"], stream=not call["write"])
            return as_json(found)


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
        _bound_sqlite(database, call, milliseconds)
    elif not call["write"]:
        raise CallFailed(
            CALL_REFUSED,
            f"nothing here can make a transaction of {database.dialect.name} read-only; a step that may write says "
            "`write: true`",
        )


def _bound_sqlite(database: Database, call: Mapping[str, Any], milliseconds: int) -> None:
    raw = database.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    # SQLite holds to foreign keys only where it is asked to.
    database.exec_driver_sql("PRAGMA foreign_keys = ON" if call["write"] else "PRAGMA query_only = ON")
    if call.get("rules"):
        # Python's driver would begin at the statement that writes, after what the rules have read.
        database.exec_driver_sql("BEGIN IMMEDIATE")
    deadline = time.monotonic() + milliseconds / 1000
    raw.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:600] or type(error).__name__
