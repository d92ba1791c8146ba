"""Rules of statements that write, in real databases: what does not hold leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from penstock_runtimes.steps import calling
from penstock_runtimes.steps.calling import CallFailed
from penstock_runtimes.steps.calling.judge import Judge
from tests.support.postgres import programs, serving_postgres

TABLES = (
    "CREATE TABLE customers (id INTEGER PRIMARY KEY, credit NUMERIC(10, 2), gone BOOLEAN)",
    """CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id),
    pieces INTEGER NOT NULL, price NUMERIC(10, 2) NOT NULL, total NUMERIC(10, 2) NOT NULL)""",
)
FIELDS = "id, customer, pieces, price, total"
CREATE = f"INSERT INTO orders ({FIELDS}) VALUES (:id, :customer, :pieces, :price, :total) RETURNING *"
CUSTOMER = (
    "SELECT c.credit, (SELECT COALESCE(SUM(o.total), 0) FROM orders o WHERE o.customer = c.id) AS owed "
    "FROM customers c WHERE c.id = :customer"
)
RULES: dict[str, Any] = {
    "parents": {"customer": CUSTOMER},
    "set": {"total": "double(parameters.pieces) * double(parameters.price)"},
    "checks": [
        {"check": "parents.customer != null", "message": "there is no such customer"},
        {"check": "double(parents.customer.owed) <= double(parents.customer.credit)", "message": "over the limit"},
    ],
}


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    with serving_postgres(found) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path}/shop.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    execute(url, *TABLES, "INSERT INTO customers (id, credit) VALUES (1, 100), (2, 0)")
    yield url
    execute(url, "DROP TABLE orders", "DROP TABLE customers")


def execute(url: str, *statements: str) -> None:
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as database:
        for statement in statements:
            database.exec_driver_sql(statement)
    engine.dispose()


def rows(url: str) -> list[Any]:
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as database:
        found = [tuple(row) for row in database.exec_driver_sql("SELECT id, pieces FROM orders ORDER BY id")]
    engine.dispose()
    return found


def write(url: str, statement: str, rules: dict[str, Any], **parameters: Any) -> Any:
    call = {
        "kind": "sql",
        "statement": statement,
        "parameters": parameters,
        "write": True,
        "maxRows": 5,
        "statementTimeout": 20,
        "rules": rules,
    }
    allow = [{"tables": ["orders", "customers"], "operations": ["select", "insert", "update", "delete"]}]
    connection = {"name": "db", "type": "sql", "url": url, "allow": allow}
    return calling.perform({"call": call, "connection": connection}, None, "")


def create(url: str, number: int, rules: dict[str, Any] = RULES, **fields: Any) -> Any:
    return write(url, CREATE, rules, **{"id": number, "customer": 1, "pieces": 2, "price": 20.5, **fields})


def refused(*words: str) -> Any:
    return pytest.raises(CallFailed, match=".*".join(words))


def test_a_value_is_worked_out_and_what_holds_is_written(url: str):
    row = create(url, 1)["rows"][0]
    assert float(row["total"]) == 41.0
    assert rows(url) == [(1, 2)]


def test_what_does_not_hold_over_the_row_and_its_parent_leaves_nothing_behind(url: str):
    create(url, 1)
    create(url, 2)
    with refused("over the limit", "nothing was changed") as raised:
        create(url, 3)
    assert raised.value.code == "RULE_BROKEN"
    assert rows(url) == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("row.pieces", "`row.pieces` does not hold"),
        ("row.nothing == 1", "cannot be worked out"),
        ("row.customer.x", "cannot be worked out"),
        ("parameters", "comes to a dict"),
        ("before.id == 1", "cannot be worked out"),
    ],
)
def test_a_rule_that_is_not_true_does_not_hold(url: str, check: str, words: str):
    with refused(words):
        create(url, 1, {**RULES, "checks": [{"check": check}]})
    assert rows(url) == []


def test_a_rule_without_end_is_ended():
    loops = "many.all(a, many.all(b, many.all(c, a + b + c >= 0)))"
    with Judge(seconds=0.5) as judge, refused("cannot be worked out", "in time"):
        judge.value(loops, {"many": list(range(5000))})


def test_a_rule_that_takes_much_memory_is_ended():
    grown = "many.map(a, many.map(b, many)).size() > 0"
    with Judge() as judge, refused("cannot be worked out"):
        judge.value(grown, {"many": ["x" * 100] * 5000})


def test_a_row_as_it_was_is_known(url: str):
    create(url, 1)
    rules = {
        "before": "SELECT * FROM orders WHERE id = :id",
        "checks": [{"check": "row.pieces > before.pieces", "message": "only ever more"}],
        "rows": 1,
    }
    update = "UPDATE orders SET pieces = :pieces WHERE id = :id RETURNING *"
    assert write(url, update, rules, id=1, pieces=3)["rows"][0]["pieces"] == 3
    with refused("only ever more"):
        write(url, update, rules, id=1, pieces=3)
    with refused("changes 0 rows, and it has to change 1"):
        write(url, update, rules, id=7, pieces=9)
    assert rows(url) == [(1, 3)]


def test_rows_that_nobody_looks_at_are_not_written(url: str):
    rules = {**RULES, "checks": [{"check": "row.pieces > 0"}]}
    with refused("RETURNING"):
        write(url, CREATE.replace(" RETURNING *", ""), rules, id=1, customer=1, pieces=1, price=1)
    for number in range(6):
        create(url, number, {**RULES, "checks": []}, pieces=0)
    with refused("more than the 5 rows"):
        write(url, "UPDATE orders SET pieces = 1 RETURNING *", {"checks": [{"check": "true"}]})
    assert {pieces for _, pieces in rows(url)} == {0}


def test_a_delete_sees_its_parents_as_they_were(url: str):
    create(url, 1)
    rules = {
        "parents": {"customer": "SELECT c.* FROM customers c JOIN orders o ON o.customer = c.id WHERE o.id = :id"},
        "checks": [{"check": "parents.customer.id != row.customer", "message": "never of this customer"}],
    }
    with refused("never of this customer"):
        write(url, "DELETE FROM orders WHERE id = :id RETURNING *", rules, id=1)
    assert rows(url) == [(1, 2)]


def test_rules_read_no_more_than_the_connection_allows(url: str):
    for reads in ({"before": "DELETE FROM orders RETURNING *"}, {"parents": {"a": "SELECT * FROM secrets"}}):
        with pytest.raises(CallFailed) as raised:
            create(url, 1, {**RULES, **reads})
        assert raised.value.code == "CALL_REFUSED"
    assert rows(url) == []


def test_a_parent_that_is_not_there_is_refused_by_sqlite_too(url: str):
    with refused("(?i)foreign key"):
        create(url, 1, {"set": RULES["set"]}, customer=99)
    with refused("there is no such customer|(?i:foreign key)"):
        create(url, 1, customer=99)
    assert rows(url) == []


def test_a_rule_holds_for_writers_at_the_same_time(url: str):
    """Each of them alone is within the limit; all together are not."""
    said: list[str] = []

    def order(number: int) -> None:
        try:
            create(url, number)
            said.append("written")
        except CallFailed as failed:
            said.append(failed.code)

    writers = [threading.Thread(target=order, args=[number]) for number in range(6)]
    for each in writers:
        each.start()
    for each in writers:
        each.join()

    assert len(rows(url)) == said.count("written") <= 2
    assert set(said) <= {"written", "RULE_BROKEN", "CALL_FAILED"}
    assert said.count("written") > 0
