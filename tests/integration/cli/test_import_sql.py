"""Databases made callable: what `penstock import sql` writes, executed in real databases."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from penstock.cli.importing.sql_workflows import Wanted, workflows_of
from penstock.cli.importing.tables import reflected
from penstock.settings import CommandSettings
from penstock.wiring import check_text
from penstock_runtimes.steps.calling import CallFailed
from tests.integration.cli.imported import Imported, execute
from tests.integration.cli.person import Person
from tests.support.postgres import programs, serving_postgres

PAYLOADS = ["1; DROP TABLE orders", "' OR '1'='1", "x'; DELETE FROM orders; --", '" OR ""="', ":id", "%s", "\\"]
COMMON = (
    "CREATE TABLE customers (id {counted} PRIMARY KEY, name VARCHAR(80) NOT NULL, credit NUMERIC(10, 2) DEFAULT 100)",
    """CREATE TABLE orders (
      id {counted} PRIMARY KEY, customer_id INTEGER NOT NULL REFERENCES customers (id),
      status VARCHAR(20) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'it''s')),
      total NUMERIC(10, 2), created TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, paper {binary},
      referrer INTEGER REFERENCES orders (id))""",
    """CREATE TABLE "Order Details" (
      "order" INTEGER NOT NULL REFERENCES orders (id), "Line No" INTEGER NOT NULL, "select" TEXT, "in" BOOLEAN,
      PRIMARY KEY ("order", "Line No"))""",
    "CREATE TABLE notes (body TEXT, at DATE)",
    'CREATE TABLE "group" ("from" VARCHAR(40) PRIMARY KEY, "limit" INTEGER, "values" TEXT)',
    "CREATE VIEW open_orders AS SELECT id, total FROM orders WHERE status = 'new'",
    "INSERT INTO customers (name, credit) VALUES ('Alice', 100), ('Bob', 0)",
)
POSTGRES = (
    "CREATE TYPE mood AS ENUM ('calm', 'cross')",
    "CREATE DOMAIN quarter AS INTEGER CHECK (VALUE BETWEEN 1 AND 4)",
    """CREATE TABLE odd (
      id UUID PRIMARY KEY DEFAULT gen_random_uuid(), mood mood NOT NULL DEFAULT 'calm', about JSONB, tags TEXT[],
      made DATE, large NUMERIC(30, 10), small SMALLINT, twice INTEGER GENERATED ALWAYS AS (small * 2) STORED,
      span INTERVAL, address INET, rate DOUBLE PRECISION, part quarter)""",
    "COMMENT ON TABLE odd IS 'Odd things'",
    "COMMENT ON COLUMN odd.mood IS 'How it feels'",
)


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    with serving_postgres(found) as url:
        execute(url, *POSTGRES)
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/shop.db"
        execute(url, *(text.format(counted="INTEGER", binary="BLOB") for text in COMMON))
        yield url
    else:
        url = request.getfixturevalue("postgres")
        execute(url, *(text.format(counted="SERIAL", binary="BYTEA") for text in COMMON))
        yield url
        execute(url, 'DROP TABLE customers, orders, "Order Details", notes, "group" CASCADE')


def test_what_is_written_is_valid_and_says_what_could_not_be_made(url: str):
    imported = Imported(url)
    settings = CommandSettings(mode="local")
    assert check_text(settings, imported.made.text)[1] == []
    assert any(each.startswith("notes, get, update, delete: it has no key") for each in imported.made.left_out)
    verbs = {name.removeprefix("shop-") for name in imported.workflows}
    assert {"notes-list", "notes-create", "open-orders-list", "order-details-update", "group-delete"} <= verbs
    assert not {"notes-get", "notes-update", "notes-delete", "open-orders-create", "open-orders-get"} & verbs


def test_schemas_have_types_enums_nullability_keys_and_relations(url: str):
    inputs = Imported(url).inputs("orders-create")
    assert inputs["required"] == ["customer_id"]
    fields = inputs["properties"]
    assert fields["status"]["enum"] == ["new", "paid", "it's"]
    assert fields["total"]["type"] == ["number", "null"]
    assert "row of customers" in fields["customer_id"]["description"]
    assert "shop-customers-list" in fields["customer_id"]["description"]
    assert "paper" not in fields
    assert "id" not in fields
    assert Imported(url).inputs("order-details-get")["required"] == ["order", "line_no"]


def test_what_comes_back_has_a_schema_with_types_and_nullability(url: str):
    shop = Imported(url)
    rows = shop.outputs("orders-list")["properties"]["rows"]["items"]["properties"]
    assert list(rows) == ["id", "customer_id", "status", "total", "created", "paper", "referrer"]
    assert rows["status"] == {"type": "string", "description": "VARCHAR(20)", "examples": ["new", "paid", "it's"]}
    assert "null" in rows["total"]["type"]
    assert "null" not in rows["created"]["type"]
    assert rows["id"]["type"] == "integer"
    assert rows["total"]["description"] == "NUMERIC(10, 2)"
    assert shop.outputs("orders-get") == {"anyOf": [shop.outputs("orders-create"), {"type": "null"}]}
    assert {"order", "Line No", "select", "in"} == set(shop.outputs("order-details-delete")["properties"])
    view = shop.outputs("open-orders-list")["properties"]["rows"]["items"]["properties"]
    assert list(view) == ["id", "total"]


async def test_what_sqlite_lets_be_in_a_column_is_no_reason_to_fail(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/odd.db"
    execute(
        url,
        "CREATE TABLE odd (a INTEGER, b BOOLEAN NOT NULL, c DATE, d TEXT, e, f TEXT PRIMARY KEY, g BLOB, h REAL)",
        "INSERT INTO odd VALUES ('many', 'yes', 20230714, 5, x'ff', NULL, 1.5, 9e999)",
        "INSERT INTO odd VALUES (1.5, 1, NULL, x'ff', 1, 'k', 'text', '')",
        "CREATE VIEW both AS SELECT d FROM odd UNION ALL SELECT 7",
    )
    shop = Imported(url)
    assert len(await shop.run("odd-list")) == 2
    assert {"d": 7} in await shop.run("both-list")


async def test_what_a_rule_works_out_in_an_update_is_written(url: str):
    shop = Imported(url)
    [made] = await shop.run("orders-create", customer_id=1, total=50.0)
    rules = shop.workflows["shop-orders-update"]["spec"]["steps"][0]["sql"]["rules"]
    rules["set"]["total"] = "double(before.total) + 1.0"
    [changed] = await shop.run("orders-update", id=made["id"], status="paid")
    assert (changed["status"], float(changed["total"])) == ("paid", 51)
    rules["set"]["sets_total"] = "before.status == 'new'"
    [changed] = await shop.run("orders-update", id=made["id"], status="new")
    assert float(changed["total"]) == 51


async def test_rows_are_created_found_changed_and_deleted(url: str):
    shop = Imported(url)
    [made] = await shop.run("orders-create", customer_id=1, total=12.5, created="2023-07-01T10:00:00")
    assert (made["id"], made["status"], float(made["total"])) == (1, "new", 12.5)
    await shop.run("orders-create", customer_id=2, status="it's", referrer=1)
    for filters, ids in [
        ({}, [1, 2]),
        ({"customer_id": 2}, [2]),
        ({"total_is_null": True}, [2]),
        ({"total_from": 12.5, "total_below": 13}, [1]),
        ({"created_below": "2023-07-14"}, [1]),
        ({"status": "it's"}, [2]),
        ({"most": 1, "skipped": 1}, [2]),
    ]:
        assert [row["id"] for row in await shop.run("orders-list", **filters)] == ids, filters
    assert [row["id"] for row in await shop.run("customers-list", name_like="A%")] == [1]
    [changed] = await shop.run("orders-update", id=1, total=None)
    assert (changed["total"], changed["status"], changed["customer_id"]) == (None, "new", 1)
    [changed] = await shop.run("orders-update", id=1, customer_id=2)
    assert changed["customer_id"] == 2
    assert [row["id"] for row in await shop.run("open-orders-list")] == [1]
    await shop.run("orders-delete", id=2)
    assert await shop.run("orders-get", id=2) == []


async def test_names_that_need_quoting_and_keys_of_several_columns(url: str):
    shop = Imported(url)
    await shop.run("orders-create", customer_id=1)
    fields = shop.inputs("order-details-create")["properties"]
    select, flag = (next(name for name in fields if name.startswith(word)) for word in ("select", "in"))
    key = {"order": 1, "line_no": 7}
    await shop.run("order-details-create", **key, **{select: "x", flag: True})
    await shop.run("order-details-update", **key, **{select: "y"})
    [row] = await shop.run("order-details-get", **key)
    assert (row["select"], bool(row["in"])) == ("y", True)
    words = {name.rstrip("_"): name for name in shop.inputs("group-create")["properties"]}
    await shop.run("group-create", **{words["from"]: "a", words["limit"]: 3, words["values"]: "b"})
    assert await shop.run("group-get", **{words["from"]: "a"}) == [{"from": "a", "limit": 3, "values": "b"}]


async def test_names_of_any_letters(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(
        url,
        'CREATE TABLE "顧客" ("番号" INTEGER PRIMARY KEY, "名前" TEXT, "Größe" REAL, " :x" TEXT, "a::b" TEXT)',
        'CREATE TABLE "注文" ("番号" INTEGER PRIMARY KEY, "顧客" INTEGER NOT NULL REFERENCES "顧客" ("番号"))',
    )
    shop = Imported(url)
    settings = CommandSettings(mode="local")
    assert check_text(settings, shop.made.text)[1] == []
    # What cannot be a part of a name is left out, and the title says which table it is.
    of = {each["spec"]["tool"]["title"]: name.removeprefix("shop-") for name, each in shop.workflows.items()}
    create, read = of["Create a row of 顧客"], of["Get a row of 顧客 by its key"]
    fields = shop.inputs(create)["properties"]
    told = {each["description"].removeprefix("Column "): key for key, each in fields.items()}
    assert told["Größe"] == "grosse"
    values = {"名前": "アリス :x", "Größe": 1.5, " :x": "colon", "a::b": "two"}
    [made] = await shop.run(create, **{told[name]: value for name, value in values.items()})
    assert made == {"番号": 1, **values}
    [key] = shop.inputs(read)["required"]
    assert await shop.run(read, **{key: 1}) == [made]
    order = of["Create a row of 注文"]
    [customer] = shop.inputs(order)["required"]
    assert await shop.run(order, **{customer: 1}) == [{"番号": 1, "顧客": 1}]
    with pytest.raises(CallFailed, match=r"no row of 顧客|(?i:foreign key)"):
        await shop.run(order, **{customer: 7})


def test_what_the_database_itself_cannot_read_is_left_out_and_told(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/shop.db"
    execute(
        url,
        "CREATE TABLE pairs (a INTEGER, b INTEGER, PRIMARY KEY (a, b))",
        """CREATE TABLE odd (id INTEGER PRIMARY KEY, one INTEGER, two INTEGER, three INTEGER REFERENCES gone,
          FOREIGN KEY (one) REFERENCES pairs, FOREIGN KEY (one, two, three) REFERENCES pairs)""",
        "CREATE VIEW late AS SELECT * FROM nowhere",
    )
    shop = Imported(url)
    assert check_text(CommandSettings(mode="local"), shop.made.text)[1] == []
    assert {"shop-odd-list", "shop-pairs-delete"} <= set(shop.workflows)
    assert [each for each in shop.made.left_out if each.startswith("late: the database says")]


async def test_a_relation_and_a_rule_of_ones_own_are_held_to(url: str):
    shop = Imported(url)
    with pytest.raises(CallFailed, match=r"no row of customers|(?i:foreign key)"):
        await shop.run("orders-create", customer_id=99)
    rules = shop.workflows["shop-orders-create"]["spec"]["steps"][0]["sql"]["rules"]
    rules["checks"].append({"check": "row.total <= parents.customer.credit", "message": "over the credit limit"})
    rules["set"]["total"] = "parameters.total * 2.0"
    [made] = await shop.run("orders-create", customer_id=1, total=50.0)
    assert float(made["total"]) == 100
    with pytest.raises(CallFailed, match="over the credit limit") as raised:
        await shop.run("orders-create", customer_id=1, total=50.5)
    assert raised.value.code == "RULE_BROKEN"
    with pytest.raises(CallFailed, match=r"no row of orders|(?i:foreign key)"):
        await shop.run("orders-update", id=made["id"], referrer=77)
    with pytest.raises(CallFailed, match="changes 0 rows"):
        await shop.run("orders-delete", id=77)
    assert execute(url, "SELECT id, total FROM orders") == [(made["id"], 100)]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_a_value_is_a_value_in_every_parameter(url: str, payload: str):
    """What is text goes in as text wherever there is a place for it; nothing else happens."""
    shop = Imported(url)
    await shop.run("orders-create", customer_id=1)
    refusals: list[str] = []
    tried, uuid = 0, "77dfe339-603c-46bc-a17c-6b2522e69b19"
    for name, workflow in shop.workflows.items():
        fields = workflow["spec"]["inputs"]["properties"]
        texts = [
            key
            for key, each in fields.items()
            if "string" in each["type"] and not {"enum", "format", "pattern"} & set(each)
        ]
        needed = {
            key: uuid if "format" in fields[key] else 1
            for key in workflow["spec"]["inputs"].get("required", ())
            if key not in texts
        }
        for field in texts:
            context = {
                **needed,
                **{key: payload for key in texts if key in workflow["spec"]["inputs"].get("required", ())},
            }
            try:
                rows = await shop.run(name.removeprefix("shop-"), **{**context, field: payload})
            except CallFailed as failed:
                refusals.append(f"{name} {field}: {failed}")
            else:
                assert all(payload in row.values() for row in rows), (name, field)
            tried += 1
    assert tried > 10
    known = re.compile("(?i)no row of|unique|LIKE pattern|invalid input syntax|changes 0 rows")
    assert [each for each in refusals if not known.search(each)] == []
    assert execute(url, "SELECT count(*) FROM orders") == [(1,)]


async def test_types_that_only_postgresql_has(postgres: str):
    shop = Imported(postgres, "odd")
    fields = shop.inputs("odd-create")["properties"]
    assert fields["mood"] == {"type": "string", "enum": ["calm", "cross"], "description": fields["mood"]["description"]}
    assert "How it feels" in fields["mood"]["description"]
    assert "Odd things" in shop.workflows["shop-odd-list"]["spec"]["description"]
    assert "twice" not in fields
    [made] = await shop.run(
        "odd-create",
        about={"a": [1]},
        tags=["x", "y"],
        made="2023-07-14",
        large="12345678901234567890.5",
        small=4,
        span="1 day",
        address="10.0.0.1",
        rate=0.25,
        part=2,
    )
    assert (fields["rate"]["type"], fields["part"]["type"]) == (["number", "null"], ["integer", "null"])
    assert (made["rate"], made["part"]) == (0.25, 2)
    assert await shop.run("odd-list", rate_below=0.2) == []
    assert (made["mood"], made["about"], made["tags"], made["twice"]) == ("calm", {"a": [1]}, ["x", "y"], 8)
    assert made["large"] == "12345678901234567890.5000000000"
    [changed] = await shop.run("odd-update", id=made["id"], mood="cross", about=None)
    assert (changed["mood"], changed["about"], changed["tags"], changed["made"]) == (
        "cross",
        None,
        ["x", "y"],
        "2023-07-14",
    )
    shown = shop.outputs("odd-create")["properties"]
    assert shown["mood"] == {"type": "string", "description": "mood. How it feels", "examples": ["calm", "cross"]}
    assert (shown["tags"]["description"], shown["large"]["description"]) == ("TEXT[]", "NUMERIC(30, 10)")
    kinds = {name: each.get("type") for name, each in shown.items()}
    assert (kinds["small"], kinds["large"], kinds["tags"]) == (
        ["integer", "null"],
        ["string", "null"],
        ["array", "null"],
    )
    assert kinds["about"] is None
    filters = {"id": made["id"], "mood": "cross", "made_from": "2023-07-14", "address": "10.0.0.1", "span": "1 day"}
    assert [row["id"] for row in await shop.run("odd-list", **filters)] == [made["id"]]


# Ten commands, one after the other.
@pytest.mark.timeout(300, func_only=True)
def test_the_command_writes_keeps_edits_and_what_it_wrote_runs(person: Person, url: str):
    first = person.penstock("import", "sql", url, "--name", "shop", seconds=90)
    assert first.returncode == 0, first.stderr
    assert person.penstock("--local", "validate", "shop.yaml", seconds=90).returncode == 0
    path = person.home / "shop.yaml"
    edited = path.read_text().replace("List rows of orders.", "Orders, newest last.")
    edited = edited.replace("description: VARCHAR(20)", "description: How far it is")
    path.write_text(edited)

    assert "as it should be" in person.penstock("import", "sql", url, "--name", "shop", seconds=90).stderr
    execute(url, "ALTER TABLE orders ADD COLUMN remark TEXT")
    told = person.penstock("import", "sql", url, "--name", "shop", "--dry-run", seconds=90)
    assert "+          remark:" in told.stdout.replace("+      remark:", "+          remark:")
    assert path.read_text() == edited
    person.penstock("import", "sql", url, "--name", "shop", seconds=90)
    assert "Orders, newest last." in path.read_text()
    assert "remark" in path.read_text()
    documents = list(yaml.safe_load_all(path.read_text()))
    [listed] = [each["spec"] for each in documents if each["metadata"]["name"] == "shop-orders-list"]
    columns = listed["outputs"]["schema"]["properties"]["rows"]["items"]["properties"]
    assert columns["status"]["description"] == "How far it is"
    assert columns["remark"]["type"] == ["string", "null"]

    def run(name: str, *more: str) -> Any:
        done = person.penstock(
            "--local", "run", str(path), "--workflow", f"shop-{name}", "-o", "json", *more, seconds=90
        )
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    made = run("orders-create", "--set", "customer_id=1", "--set", "total=5", "--set", "remark=it's")
    assert made["output"]["remark"] == "it's"
    refused = run("orders-create", "--set", "customer_id=99")
    assert refused["error_code"] in ("RULE_BROKEN", "CALL_FAILED")
    assert run("orders-delete", "--set", "id=1", "--approve")["output"]["id"] == 1
    assert execute(url, "SELECT count(*) FROM orders") == [(0,)]


def test_a_file_of_somebody_else_and_a_password_are_left_alone(person: Person, tmp_path: Path):
    execute(f"sqlite:///{tmp_path}/a.db", "CREATE TABLE t (a INTEGER PRIMARY KEY)")
    file = person.file("db.yaml", "mine: true\n")
    done = person.penstock("import", "sql", f"sqlite:///{tmp_path}/a.db")
    assert done.returncode != 0
    assert "nobody can tell" in done.stderr
    assert Path(file).read_text() == "mine: true\n"


def test_a_password_is_not_written_down(postgres: str):
    made = workflows_of(
        reflected(postgres.replace("shop@", "shop:hunter2@"), None, ["odd"]),
        Wanted("shop", frozenset(), ["leads"], [], "shop.yaml"),
    )
    assert "hunter2" not in made.text
    assert yaml.safe_load_all(made.text).__next__()["spec"]["auth"] == {
        "secretRef": {"name": "shop", "key": "password"}
    }


async def test_what_postgresql_has_and_no_other(postgres: str):
    """Types without an equality, names with percent signs, a table without columns."""
    execute(
        postgres,
        'CREATE TABLE "at 100%%" (id INT PRIMARY KEY, "%%(x)s" TEXT, place POINT, paper XML, grid INT[][])',
        "CREATE TABLE nothing ()",
    )
    try:
        shop = Imported(postgres, "at 100%", "nothing")
        assert "nothing: it has no columns" in shop.made.left_out
        assert check_text(CommandSettings(mode="local"), shop.made.text)[1] == []
        values = {"id": 1, "x_s": "50 %s :x", "place": "(1,2)", "paper": "<a/>"}
        [made] = await shop.run("at-100-create", **values, grid=[1, 2])
        assert (made["%(x)s"], made["place"], made["paper"]) == ("50 %s :x", "(1,2)", "<a/>")
        assert await shop.run("at-100-list", x_s="50 %s :x", place_is_null=False) == [made]
        assert not {"place", "paper"} & set(shop.inputs("at-100-list")["properties"])
    finally:
        execute(postgres, 'DROP TABLE "at 100%%", nothing')
