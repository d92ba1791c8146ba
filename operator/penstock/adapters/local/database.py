"""One SQLite database: named statements, transactions, migrations, and whether anybody wrote.

Each call takes tens of microseconds, so all of them run in place, on the thread that opened the database. WAL with
`synchronous=NORMAL`: what was committed outlives every kill of every process; a power cut may lose the newest commits.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from penstock.errors import Unavailable, UserError

BUSY_MILLISECONDS = 5000
"""How long a write waits for another process's write, which holds the database for a fraction of that."""

_FOLDER = Path(__file__).parent
_HEADING = re.compile(r"^-- name: (\w+)\n((?:-- .*\n)+)", re.MULTILINE)
_VERSION = re.compile(r"^-- version: \d+\n", re.MULTILINE)

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One named statement."""

    description: str
    sql: str


def parse_statements(text: str) -> dict[str, Statement]:
    """The statements of a file in which each has a line `-- name: x` and a description below it."""
    parts = _HEADING.split(text)[1:]
    return {
        name: Statement(" ".join(line.removeprefix("-- ") for line in description.splitlines()), sql.strip())
        for name, description, sql in zip(parts[0::3], parts[1::3], parts[2::3], strict=True)
    }


def parse_versions(text: str) -> tuple[str, ...]:
    """The sections of a schema, oldest first."""
    return tuple(_VERSION.split(text)[1:])


class Database:
    """A connection. Belongs to one thread and one event loop."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statements = parse_statements((_FOLDER / "queries.sql").read_text(encoding="utf-8"))
        self._depth = 0
        self._commits = 0
        self._listeners: list[Callable[[], None]] = []
        _create_private(path)
        with _translated(path):
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._migrate(parse_versions((_FOLDER / "schema.sql").read_text(encoding="utf-8")))

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Have `listener` called after each transaction of this connection."""
        self._listeners.append(listener)

    def rows(self, query: str, /, **values: Any) -> list[Row]:
        """Run a statement and return all that it returns. Raises Unavailable when the database does not answer."""
        with _translated(self._path):
            return self._connection.execute(self._statements[query].sql, values).fetchall()

    def row(self, query: str, /, **values: Any) -> Row | None:
        """Run a statement and return the first row, None where there is none."""
        rows = self.rows(query, **values)
        return rows[0] if rows else None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, alone with the database; an inner one joins the outer."""
        if self._depth:
            yield
            return
        with _translated(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            with _translated(self._path):
                self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        finally:
            self._depth = 0
        self._commits += 1
        for listener in self._listeners:
            listener()

    @property
    def mark(self) -> tuple[int, int]:
        """Differs from an earlier one when this connection or another one has committed since."""
        # data_version leaves this connection's own commits out.
        return self._commits, int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def _migrate(self, versions: tuple[str, ...]) -> None:
        if self._version() == len(versions):
            return
        with self.transaction():
            # Asked again inside: another process may have migrated while this one waited.
            for section in versions[self._version() :]:
                for statement in section.split(";\n"):
                    self._connection.execute(statement)
            if self._version() > len(versions):
                raise UserError(
                    f"{self._path} was written by a newer version of penstock",
                    hint="Install that version again, or set PENSTOCK_HOME to another directory.",
                )
            self._connection.execute(f"PRAGMA user_version = {len(versions)}")

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])


def _create_private(path: Path) -> None:
    """Make the file, readable by this person alone; what SQLite puts beside it gets the same rights."""
    try:
        # Only a new file is opened here: closing one that is in use would drop SQLite's locks on it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise UserError(
            f"the database {path} cannot be made: {error.strerror}",
            hint="Set PENSTOCK_HOME to a directory that you may write to.",
        ) from error


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the database {path} does not answer: {error}") from error
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise
        raise UserError(
            f"{path} cannot be read: {error}",
            hint="Move it away to begin anew, or set PENSTOCK_HOME to another directory.",
        ) from error
