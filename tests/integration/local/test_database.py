"""A real database file: made once, shared by several connections, seen to change."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest

from penstock.adapters.local.changes import Changes
from penstock.adapters.local.database import Database
from penstock.adapters.local.layout import DataDirectory
from penstock.errors import Unavailable, UserError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened


def write(database: Database) -> int:
    with database.transaction():
        row = database.row("next_version")
    assert row is not None
    return int(row[0])


def newest(database: Database) -> int:
    row = database.row("newest_version")
    assert row is not None
    return int(row[0])


def test_what_was_written_is_there_when_it_is_opened_again(path: Path):
    with closing(Database(path)) as first:
        write(first)

    with closing(Database(path)) as second:
        assert newest(second) == 1


def test_many_may_open_a_new_database_at_once(path: Path):
    together = Barrier(8)

    def open_and_write(_: int) -> int:
        together.wait()
        with closing(Database(path)) as opened:
            return write(opened)

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(open_and_write, range(8))) == list(range(1, 9))


def test_nobody_else_on_the_machine_can_read_it(path: Path, database: Database):
    write(database)

    assert [found.name for found in path.parent.glob("state.db*") if found.stat().st_mode & 0o077] == []


def test_a_database_of_a_newer_version_is_left_alone(path: Path):
    Database(path).close()
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version = 99")

    with pytest.raises(UserError, match="newer version"):
        Database(path)

    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_transaction_is_all_or_nothing(database: Database):
    def write_and_break() -> None:
        with database.transaction():
            write(database)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_break()

    assert newest(database) == 0
    assert write(database) == 1


def test_a_database_that_somebody_else_holds_is_unavailable(path: Path, database: Database):
    database._connection.execute("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unavailable, match=r"state\.db"):
            write(database)

    assert write(database) == 1


@pytest.mark.parametrize("own", [True, False], ids=["of this connection", "of another connection"])
async def test_a_write_wakes_who_waits(path: Path, database: Database, *, own: bool):
    changes = Changes(database)
    with closing(Database(path)) as other:
        waiting = asyncio.create_task(changes.after(changes.mark()))
        await asyncio.sleep(0)
        assert not waiting.done()

        write(database if own else other)

        await asyncio.wait_for(waiting, 5)


async def test_a_write_between_the_mark_and_the_wait_is_not_missed(path: Path, database: Database):
    changes = Changes(database)
    mark = changes.mark()
    with closing(Database(path)) as other:
        write(other)

    await asyncio.wait_for(changes.after(mark), 5)


def test_a_file_that_is_no_database_is_named_with_what_to_do(path: Path) -> None:
    path.write_bytes(b"garbage!" * 1024)
    with pytest.raises(UserError, match="cannot be read") as caught:
        Database(path)
    assert "PENSTOCK_HOME" in caught.value.hint


def test_a_data_directory_that_cannot_be_made_is_named_with_what_to_do(path: Path) -> None:
    path.write_text("a file", encoding="utf-8")
    with pytest.raises(UserError, match="cannot be made") as caught:
        DataDirectory(path).create()
    assert "PENSTOCK_HOME" in caught.value.hint
    with pytest.raises(UserError, match="cannot be made"):
        Database(path.parent / "gone" / "state.db")
