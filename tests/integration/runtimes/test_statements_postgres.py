"""Statements in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy

from penstock_runtimes.steps import calling
from penstock_runtimes.steps.calling import CallFailed
from tests.support.postgres import programs, serving_postgres


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    with serving_postgres(found) as url:
        engine = sqlalchemy.create_engine(url)
        with engine.begin() as database:
            database.exec_driver_sql("CREATE TABLE orders (id INT PRIMARY KEY, total NUMERIC, tags TEXT[])")
            database.exec_driver_sql("INSERT INTO orders VALUES (1, 1.50, '{x,y}')")
            database.exec_driver_sql("CREATE SEQUENCE numbers")
        engine.dispose()
        yield url


def sql(url: str, statement: str, *operations: str, timeout: float = 20, **parameters: Any) -> Any:
    call = {
        "kind": "sql",
        "statement": statement,
        "parameters": parameters,
        "write": bool(operations),
        "maxRows": 2,
        "statementTimeout": timeout,
    }
    allow = [{"tables": ["orders"], "operations": ["select", *operations]}]
    connection = {"name": "db", "type": "sql", "url": url, "allow": allow}
    return calling.perform({"call": call, "connection": connection}, None, "")


def test_rows_of_types_that_json_does_not_have(url: str):
    rows = sql(url, "SELECT * FROM orders WHERE id = :id", id=1)["rows"]
    assert rows == [{"id": 1, "total": "1.50", "tags": ["x", "y"]}]


def test_what_is_written_is_there(url: str):
    written = sql(url, "INSERT INTO orders (id) VALUES (:id) RETURNING id", "insert", id=7)
    assert written == {"rows": [{"id": 7}], "rowCount": 1, "complete": True}
    assert sql(url, "UPDATE orders SET total = :total WHERE id = 7", "update", total=2)["rowCount"] == 1
    assert sql(url, "DELETE FROM orders WHERE id = 7", "delete")["rowCount"] == 1


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("SELECT nextval('numbers')", "read-only transaction"),
        ("SELECT pg_sleep(30)", "statement timeout"),
        ("SELECT * FROM pg_catalog.pg_authid", "does not allow to select"),
    ],
)
def test_a_step_that_reads_only_reads_and_not_for_long(url: str, statement: str, why: str):
    with pytest.raises(CallFailed, match=why):
        sql(url, statement, timeout=0.5)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT (TABLE pg_authid)",
        "SELECT 1 WHERE 1 = ANY (TABLE pg_authid)",
        "SELECT id FROM orders ORDER BY (TABLE pg_authid)",
        "WITH known AS (TABLE pg_authid) SELECT * FROM known",
        "SELECT 1 /* /* */ */ , (SELECT rolname FROM pg_authid LIMIT 1)",
        "SELECT 1 AS a$b$, (SELECT rolname FROM pg_authid LIMIT 1) AS c$b$",
        "SELECT E'\\'', (SELECT rolname FROM pg_authid LIMIT 1), E'\\''",
    ],
)
def test_no_table_is_read_by_another_word_than_from(url: str, statement: str):
    with pytest.raises(CallFailed) as raised:
        sql(url, statement)
    assert raised.value.code == "CALL_REFUSED"


def test_a_column_may_be_called_table(url: str):
    assert sql(url, 'SELECT o.id AS table FROM orders AS o WHERE "id" = 1')["rows"] == [{"table": 1}]


def test_of_a_million_rows_a_few_are_read(url: str):
    output = sql(url, "SELECT i FROM generate_series(1, 1000000) AS g (i)")
    assert output == {"rows": [{"i": 1}, {"i": 2}], "rowCount": 2, "complete": False}
