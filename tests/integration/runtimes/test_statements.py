"""Statements in a real database: what is allowed, what comes back, and what never happens."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from penstock_runtimes.steps import calling
from penstock_runtimes.steps.calling import CallFailed
from penstock_runtimes.steps.calling.rows import plain

PAYLOADS = [
    "1; DROP TABLE orders",
    "' OR '1'='1",
    "x'; DELETE FROM orders; --",
    '" OR ""="',
    "\\'; DROP TABLE orders; --",
    ":id",
    "{{ context.x }}",
    "%s",
    "\x00",
]
READ = [{"tables": ["*"], "operations": ["select"]}]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    database = sqlite3.connect(path)
    database.execute('CREATE TABLE orders (id INTEGER PRIMARY KEY, "odd name" TEXT, total NUMERIC, paper BLOB)')
    database.execute('CREATE TABLE "Order Details" ("select" TEXT)')
    database.execute("CREATE TABLE users (name TEXT)")
    database.execute("INSERT INTO orders VALUES (1, 'a', 12.5, x'00ff'), (2, 'b', 99, NULL)")
    database.execute("INSERT INTO users VALUES ('alice')")
    database.commit()
    database.close()
    return path


def sql(shop: Path, statement: str, allow: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    fields = {"kind": "sql", "parameters": {}, "write": False, "maxRows": 100, "statementTimeout": 20, **more}
    connection = {"name": "db", "type": "sql", "url": f"sqlite:///{shop}", "allow": allow or READ}
    return calling.perform({"call": {**fields, "statement": statement}, "connection": connection}, None, "")


def refusal(shop: Path, statement: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(CallFailed) as raised:
        sql(shop, statement, **more)
    return raised.value.code, str(raised.value)


def content(shop: Path) -> list[Any]:
    with sqlite3.connect(shop) as database:
        return database.execute('SELECT id, "odd name" FROM orders ORDER BY id').fetchall()


def test_rows_come_as_json(shop: Path):
    assert sql(shop, "SELECT * FROM orders ORDER BY id") == {
        "rows": [
            {"id": 1, "odd name": "a", "total": 12.5, "paper": "AP8="},
            {"id": 2, "odd name": "b", "total": 99, "paper": None},
        ],
        "rowCount": 2,
        "complete": True,
    }


def test_names_that_need_quoting(shop: Path):
    write = [{"tables": ["Order Details"], "operations": ["select", "insert"]}]
    statement = 'INSERT INTO "Order Details" ("select") VALUES (:value)'
    assert sql(shop, statement, write, write=True, parameters={"value": "x"})["rowCount"] == 1
    assert sql(shop, 'SELECT "select" FROM "Order Details"', write)["rows"] == [{"select": "x"}]


def test_two_columns_of_one_name_are_both_there(shop: Path):
    assert sql(shop, "SELECT 1 AS a, 2 AS a")["rows"] == [{"a": 1, "a_2": 2}]
    assert sql(shop, "SELECT 1 AS a, 2 AS a, 3 AS a_2")["rows"] == [{"a": 1, "a_3": 2, "a_2": 3}]


def test_a_colon_within_a_text_a_name_or_a_comment_is_no_parameter(shop: Path):
    text = r"it's 12 :30, a::b, \:c, :"
    statement = f"""SELECT '{text.replace("'", "''")}' AS "at :noon", :id /* not :this */ AS id -- nor :that"""
    assert sql(shop, statement, parameters={"id": 7})["rows"] == [{"at :noon": text, "id": 7}]


@pytest.mark.parametrize("value", [2**70, "\ud800"])
def test_what_a_database_cannot_take_is_told(shop: Path, value: Any):
    code, reason = refusal(shop, "SELECT :value", parameters={"value": value})
    assert code == "CALL_REFUSED"
    assert "cannot take" in reason


def test_a_statement_that_is_nested_without_end_is_refused(shop: Path):
    code, reason = refusal(shop, "SELECT " + "(" * 3000 + "1" + ")" * 3000)
    assert code == "CALL_REFUSED"
    assert "nested too deep" in reason


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_value_is_never_a_part_of_the_statement(shop: Path, payload: str):
    before = content(shop)
    assert sql(shop, 'SELECT id FROM orders WHERE "odd name" = :name', parameters={"name": payload})["rows"] == []
    write = [{"tables": ["orders"], "operations": ["insert"]}]
    statement = 'INSERT INTO orders (id, "odd name") VALUES (:id, :name)'
    sql(shop, statement, write, write=True, parameters={"id": 9, "name": payload})
    assert content(shop) == [*before, (9, payload)]


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM orders", "add `write: true`"),
        ("DROP TABLE orders", "this is DROP"),
        ("SELECT 1; DROP TABLE orders", "2 statements"),
        ("PRAGMA query_only = OFF", "this is PRAGMA"),
        ("ATTACH DATABASE 'x' AS y", "this is ATTACH"),
        ("SELECT * FROM orders WHERE", "cannot be read"),
        ("WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone", "add `write: true`"),
    ],
)
def test_a_step_that_reads_changes_nothing(shop: Path, statement: str, why: str):
    before = content(shop)
    code, reason = refusal(shop, statement)
    assert code == "CALL_REFUSED"
    assert why in reason
    assert content(shop) == before


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM users",
        "SELECT (SELECT name FROM users) FROM orders",
        "SELECT * FROM orders UNION SELECT name, 1, 1, 1 FROM users",
        "WITH users AS (SELECT * FROM users) SELECT * FROM users",
        "SELECT * FROM users WHERE 1 IN (WITH users AS (SELECT 1 AS a) SELECT a FROM users)",
        "SELECT * FROM main.users",
        "SELECT * FROM sqlite_master",
        "SELECT * FROM 'users'",
        "SELECT * FROM [users]",
        "SELECT 1 /* /* */ , (SELECT name FROM users) -- */",
    ],
)
def test_only_tables_that_are_allowed_are_read(shop: Path, statement: str):
    code, reason = refusal(shop, statement, allow=[{"tables": ["orders"], "operations": ["select"]}])
    assert code == "CALL_REFUSED"
    assert "does not allow to select" in reason


@pytest.mark.parametrize("table", ["users", "main.users", '"users"', "'users'", "[users]", "users('x')"])
def test_no_table_is_named_behind_in(shop: Path, table: str):
    """SQLite reads it there, with no FROM before it."""
    for word in ("IN", "NOT IN"):
        code, reason = refusal(
            shop,
            f"SELECT id FROM orders WHERE 'alice' {word} {table}",
            allow=[{"tables": ["orders"], "operations": ["select"]}],
        )
        assert (code, "behind IN" in reason) == ("CALL_REFUSED", True), reason


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO orders (id) VALUES (1)",
        "INSERT INTO users SELECT 'x'",
        "UPDATE orders SET total = 1",
        "DELETE FROM orders",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET total = 0",
        "INSERT INTO orders (id) SELECT 7 FROM users",
    ],
)
def test_only_what_is_allowed_is_written(shop: Path, statement: str):
    allow = [{"tables": ["orders"], "operations": ["select", "insert"]}]
    before = content(shop)
    assert refusal(shop, statement, allow=allow, write=True)[0] == "CALL_REFUSED"
    assert content(shop) == before


def test_a_statement_that_fails_changes_nothing(shop: Path):
    allow = [{"tables": ["orders"], "operations": ["insert"]}]
    before = content(shop)
    code, reason = refusal(shop, "INSERT INTO orders (id) VALUES (7), (1)", allow=allow, write=True)
    assert code == "CALL_FAILED"
    assert "UNIQUE constraint failed" in reason
    assert content(shop) == before


def test_of_a_million_rows_as_many_are_read_as_the_step_says(shop: Path):
    statement = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n"
    output = sql(shop, statement, maxRows=3)
    assert output == {"rows": [{"i": 1}, {"i": 2}, {"i": 3}], "rowCount": 3, "complete": False}


def test_a_statement_without_end_is_ended(shop: Path):
    statement = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n"
    code, reason = refusal(shop, statement, statementTimeout=0.2)
    assert code == "CALL_FAILED"
    assert "interrupted" in reason


def test_a_database_that_is_not_there_is_not_told_with_its_password():
    call = {
        "kind": "sql",
        "statement": "SELECT 1",
        "parameters": {},
        "write": False,
        "maxRows": 1,
        "statementTimeout": 1,
    }
    url = "postgresql+psycopg://app@127.0.0.1:1/shop"
    program = {"call": call, "connection": {"name": "db", "type": "sql", "url": url, "allow": READ}}
    with pytest.raises(CallFailed) as raised:
        calling.perform(program, "hunter2-hunter2", "")
    assert raised.value.code == "CALL_FAILED"
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("value", "json"),
    [(float("inf"), "inf"), ([1, b"a"], [1, "YQ=="]), ({"a": {1}}, {"a": [1]}), (True, True), (2**70, 2**70)],
)
def test_what_json_cannot_say_is_text(value: Any, json: Any):
    assert plain(value) == json
