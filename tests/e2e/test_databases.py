"""`sql`, `http` and `discover` steps on a real node and a real PostgreSQL: values, names, limits, time, roles."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.support.cluster import Cluster
from tests.support.http_server import listening_beside
from tests.support.postgres import Postgres, programs, reachable_postgres
from tests.support.tenant import ALICE, API_VERSION, Json, Tenant, a_workflow

PAYLOADS = [
    "1; DROP TABLE orders",
    "' OR '1'='1",
    "x'; DELETE FROM orders; --",
    '" OR ""="',
    "\\'; DROP TABLE orders; --",
    ":value",
    "{{ context.x }}",
    "%s",
    "$(id)",
    "&admin=1#x?y",
    "a\r\nX-Evil: 1",
    "é \U0001f600",
]
PASSWORDS = {"sales": "open-sesame-1", "north": "open-sesame-2"}
TABLES = """
CREATE TABLE orders (id INT PRIMARY KEY, region TEXT NOT NULL, note TEXT);
INSERT INTO orders SELECT i, CASE WHEN i <= 2 THEN 'north' ELSE 'south' END FROM generate_series(1, 5) AS g (i);
CREATE TABLE "Order ""Details""; --" ("select" INT PRIMARY KEY, "Größe; DROP" TEXT);
INSERT INTO "Order ""Details""; --" VALUES (1, 'XL');
CREATE TABLE numbers AS SELECT i FROM generate_series(1, 1000000) AS g (i);
CREATE TABLE said (place INT PRIMARY KEY, text TEXT);
ALTER TABLE orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON orders USING (current_user = 'sales' OR region = current_user);
CREATE ROLE sales LOGIN PASSWORD 'open-sesame-1';
CREATE ROLE north LOGIN PASSWORD 'open-sesame-2';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO sales, north;
GRANT INSERT ON said TO sales;
"""


@pytest.fixture(scope="module")
def postgres(cluster: Cluster) -> Iterator[Postgres]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL is installed")
    with reachable_postgres(found, cluster.host()) as serving:
        execute(serving, TABLES)
        yield serving


def execute(postgres: Postgres, text: str) -> list[tuple[object, ...]]:
    """What the database itself says, as its owner."""
    engine = sqlalchemy.create_engine(postgres.own)
    with engine.begin() as database:
        result = database.exec_driver_sql(text)
        found = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return found


@pytest.fixture
def databases(tenant: Tenant, postgres: Postgres) -> Tenant:
    """The test's namespace with a Connection for each role, by its password in a Secret."""
    rule = {"tables": ["*"], "operations": ["select"]}
    writes = {"tables": ["said"], "operations": ["insert"]}
    for role, password in PASSWORDS.items():
        tenant.admin("create", "secret", "generic", role, f"--from-literal=password={password}")
        auth = {"secretRef": {"name": role, "key": "password"}}
        connect(tenant, role, type="sql", url=postgres.url_of(role), auth=auth, allow=[rule, writes])
    return tenant


def connect(tenant: Tenant, name: str, **spec: object) -> None:
    connection = {"apiVersion": API_VERSION, "kind": "Connection", "metadata": {"name": name}, "spec": spec}
    # As the administrator: who may name which Secret is tested elsewhere.
    tenant.admin("create", "-f", "-", stdin=connection)


def sql(name: str, statement: str, *, connection: str = "sales", around: Json | None = None, **fields: object) -> Json:
    return {"name": name, "sql": {"connection": connection, "statement": statement, **fields}, **(around or {})}


def ran(tenant: Tenant, *steps: Json, context: Json | None = None) -> Json:
    """The steps of a run of these at its end, each with its output or its error."""
    inputs = {"type": "object", "properties": {"payloads": {"type": "array", "items": {"type": "string"}}}}
    tenant.apply(a_workflow("databases", *steps, inputs=inputs))
    tenant.start("databases", context)
    status = tenant.finished("run")["status"]
    assert status["phase"] == "Succeeded", tenant.account("run")
    return {
        name: {**step, "output": tenant.output(step)} if ended_well(step) else step
        for name, step in status["steps"].items()
    }


def ended_well(step: Json) -> bool:
    return bool(step["phase"] == "Succeeded")


def test_a_role_gets_the_rows_that_the_database_shows_it(databases: Tenant) -> None:
    text = "SELECT id FROM orders ORDER BY id"
    steps = ran(databases, sql("all", text), sql("north", text, connection="north"))
    assert [row["id"] for row in steps["all"]["output"]["rows"]] == [1, 2, 3, 4, 5]
    assert [row["id"] for row in steps["north"]["output"]["rows"]] == [1, 2]
    everything = databases.admin("get", "pwf,pwr,pconn,pods,jobs,configmaps,events", "-o", "json").stdout
    assert not [password for password in PASSWORDS.values() if password in everything]


def test_whatever_a_value_holds_it_is_a_value(databases: Tenant, postgres: Postgres) -> None:
    names = [f"p{place}" for place in range(len(PAYLOADS))]
    parameters = {name: f"{{{{ context.payloads[{place}] }}}}" for place, name in enumerate(names)}
    given = ", ".join(f"CAST(:{name} AS text) AS {name}" for name in names)
    rows = ", ".join(f"({place}, :{name})" for place, name in enumerate(names))
    listed = ", ".join(f":{name}" for name in names)
    steps = ran(
        databases,
        sql("give_back", f"SELECT {given}", parameters=parameters),
        sql("find", f"SELECT id FROM orders WHERE region IN ({listed})", parameters=parameters),
        sql("keep", f"INSERT INTO said (place, text) VALUES {rows}", write=True, parameters=parameters),
        context={"payloads": PAYLOADS},
    )
    row = steps["give_back"]["output"]["rows"][0]
    assert [row[name] for name in names] == PAYLOADS
    assert steps["find"]["output"]["rows"] == []
    assert execute(postgres, "SELECT text FROM said ORDER BY place") == [(payload,) for payload in PAYLOADS]
    assert execute(postgres, "SELECT count(*) FROM orders") == [(5,)]


def test_names_that_need_quotes_are_found_and_can_be_asked_for(databases: Tenant) -> None:
    steps = ran(
        databases,
        {"name": "tables", "discover": {"connection": "sales"}},
        sql("details", 'SELECT "select", "Größe; DROP" FROM "Order ""Details""; --"'),
    )
    found = {each["name"]: each for each in steps["tables"]["output"]["resources"]}
    assert {'Order "Details"; --', "numbers", "orders", "said"} == set(found)
    fields = found['Order "Details"; --']["fields"]
    assert [(field["name"], field["key"]) for field in fields] == [("select", True), ("Größe; DROP", False)]
    assert steps["details"]["output"]["rows"] == [{"select": 1, "Größe; DROP": "XL"}]


def test_of_a_million_rows_a_few_are_read_and_a_statement_has_its_time(databases: Tenant) -> None:
    on = {"onFailure": "continue"}
    steps = ran(
        databases,
        sql("few", "SELECT i FROM numbers ORDER BY i", maxRows=3),
        sql("some", "SELECT i FROM numbers", maxRows=50_000),
        sql("sleeps", "SELECT pg_sleep(120)", statementTimeout="1s", around=on),
        sql("erases", "DELETE FROM orders", write=True, around=on),
    )
    few = steps["few"]["output"]
    assert (few["rows"], few["complete"]) == ([{"i": 1}, {"i": 2}, {"i": 3}], False)
    some = steps["some"]["output"]
    assert (some["rowCount"], some["complete"]) == (50_000, False)
    assert (steps["sleeps"]["error"]["code"], "statement timeout" in steps["sleeps"]["error"]["reason"]) == (
        "CALL_FAILED",
        True,
    )
    assert steps["erases"]["error"]["code"] == "CALL_REFUSED"


async def echo(request: Request) -> JSONResponse:
    """What came, as it came."""
    return JSONResponse(
        {
            "path": request.scope["path"],
            "query": request.query_params.multi_items(),
            "evil": request.headers.get("x-evil"),
            "body": await request.json() if request.method == "POST" else None,
        }
    )


@pytest.fixture
def api(cluster: Cluster, tenant: Tenant) -> Iterator[Tenant]:
    """The namespace with a Connection to an API that says what it was asked."""
    app = Starlette(routes=[Route("/api/{rest:path}", echo, methods=["GET", "POST"])])
    with listening_beside(app, cluster.host()) as address:
        connect(tenant, "echo", type="json-api", url=f"{address}/api", allow=[{"methods": ["GET", "POST"]}])
        yield tenant


def test_whatever_a_value_holds_a_request_goes_where_it_is_meant_to(api: Tenant) -> None:
    # What is more than one part of a path is refused: the next test.
    parts = [payload for payload in PAYLOADS if not set("\r\\/") & set(payload)]
    path = "".join(f"/{{{{ context.payloads[{PAYLOADS.index(part)}] }}}}" for part in parts)
    values = "{{ context.payloads }}"
    call = {"connection": "echo", "method": "POST", "path": f"/orders{path}", "body": values, "query": {"q": values}}
    [told] = ran(api, {"name": "told", "http": call}, context={"payloads": PAYLOADS}).values()
    body = told["output"]["body"]
    assert body["body"] == PAYLOADS
    assert body["query"] == [["q", payload] for payload in PAYLOADS]
    assert body["path"] == "/api/orders/" + "/".join(parts)
    assert body["evil"] is None


def test_a_value_that_is_more_than_a_part_of_a_path_is_refused(api: Tenant) -> None:
    bad = ["../admin", "a/b", "..", "a\\b", "a\r\nX-Evil: 1"]
    around = {"onFailure": "continue"}
    path = "/orders/{{ context.payloads[%d] }}"
    steps = ran(
        api,
        *(
            {"name": f"part_{place}", "http": {"connection": "echo", "path": path % place}, **around}
            for place in range(len(bad))
        ),
        context={"payloads": bad},
    )
    assert [step["error"]["code"] for step in steps.values()] == ["INPUT_INVALID"] * len(bad)
    assert not api.of_run("pod", "run")


def test_who_asks_sees_no_password(databases: Tenant) -> None:
    """An author may name a Connection whose Secret he may not read."""
    refused = databases.kubectl(ALICE, "get", "secret", "sales", check=False)
    assert refused.returncode != 0
