"""Calls to an API in local mode, with the real command: a Connection beside its Workflow in one file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator

import pytest

from tests.integration.cli.person import Person
from tests.support.web import Web, serving

SHOP = """\
apiVersion: penstock.dev/v1alpha1
kind: Connection
metadata: {{name: shop}}
spec:
  type: json-api
  url: {url}/api
  auth: {{secretRef: {{name: shop, key: TOKEN}}}}
  allow:
    - {{}}
    - {{methods: [POST], paths: [/emails]}}
---
"""
WORKFLOW = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: remind}
spec:
  inputs: {type: object, properties: {name: {type: string, default: Alice}}}
  steps:
"""
REMIND = """\
    - name: orders
      http:
        connection: shop
        path: /customers/{{ context.name }}/orders
        filters: [{name: date_shipped, op: isnull}, {name: total, op: gt, val: 50}]
    - name: mail
      needs: [orders]
      forEach: steps.orders.output.body.data
      http: {connection: shop, method: POST, path: /emails, body: {order: "{{ item.id }}", subject: Discount}}
"""


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def file_of(person: Person, web: Web, steps: str, connection: str = SHOP) -> str:
    person.more["PENSTOCK_SECRETS_DIR"] = str(person.home)
    person.file("shop.env", "TOKEN=hunter2-hunter2\n")
    return person.file("remind.yaml", connection.format(url=web.url) + WORKFLOW + steps)


def test_rows_are_read_and_each_of_them_is_written_about(person: Person, web: Web):
    web.answer("GET", "/api/customers/A%20%26%20B/orders", {"data": [{"id": "1"}, {"id": "2"}]})
    web.answer("POST", "/api/emails", {"sent": True}, status=201)
    file = file_of(person, web, REMIND)

    done = person.penstock("--local", "run", file, "--set", "name=A & B", "-o", "json")

    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)["output"]
    assert [each["status"] for each in output] == [201, 201]
    asked = web.requests[0]
    assert asked.query == {"filter[date_shipped][isnull]": ["true"], "filter[total][gt]": ["50"]}
    assert asked.headers["authorization"] == "Bearer hunter2-hunter2"
    assert sorted(json.loads(each.body)["order"] for each in web.requests[1:]) == ["1", "2"]
    assert len({each.headers["idempotency-key"] for each in web.requests[1:]}) == 2


def test_a_secret_that_the_other_side_says_back_is_masked(person: Person, web: Web):
    web.echo("GET", "/api/me")
    file = file_of(person, web, "    - {name: me, http: {connection: shop, path: /me}}\n")

    done = person.penstock("--local", "run", file, "-o", "json")

    assert json.loads(done.stdout)["output"]["body"]["headers"]["authorization"] == "Bearer ***"
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("step", "code", "reason"),
    [
        ("connection: shop, method: DELETE, path: /orders/1", "CALL_REFUSED", "does not allow DELETE of /orders/1"),
        ("connection: shop, method: POST, path: /orders", "CALL_REFUSED", "does not allow POST of /orders"),
        ("connection: stop", "CONNECTION_MISSING", "there is no Connection `stop`"),
    ],
)
def test_what_is_not_allowed_is_never_called(person: Person, web: Web, step: str, code: str, reason: str):
    file = file_of(person, web, f"    - {{name: a, http: {{{step}}}}}\n")

    done = person.penstock("--local", "run", file, "-o", "json")

    assert done.returncode == 1
    error = json.loads(done.stdout)
    assert (error["error_code"], error["details"]["failed_step"]) == (code, "a")
    assert reason in error["details"]["reason"]
    assert web.requests == []


def test_an_answer_that_is_not_expected_fails_the_step_with_its_words(person: Person, web: Web):
    web.answer("GET", "/api/orders", {"errors": [{"title": "no such table"}]}, status=404)
    file = file_of(person, web, "    - {name: a, http: {connection: shop, path: /orders}}\n")

    done = person.penstock("--local", "run", file, "-o", "json")

    error = json.loads(done.stdout)
    assert error["error_code"] == "ANSWER_UNEXPECTED"
    assert "404 Not Found" in error["details"]["reason"]
    assert "no such table" in error["details"]["reason"]


def test_a_gate_shows_the_call_and_the_connection(person: Person, web: Web):
    step = """\
    - name: a
      http: {connection: shop, method: POST, path: /emails, body: {to: "{{ context.name }}"}}
      requiresApproval: {approvers: {users: [x]}, message: "Send?"}
"""
    web.answer("POST", "/api/emails", {}, status=201)
    file = file_of(person, web, step)

    done = person.penstock("--local", "run", file, "--approve", "-o", "json")

    assert done.returncode == 0, done.stderr
    [request] = json.loads(person.penstock("--local", "list", "approvals", "-o", "json").stdout)["items"]
    program = json.loads(request["spec"]["request"]["subject"])["program"]
    assert program["call"] == {**program["call"], "method": "POST", "path": "/emails", "body": {"to": "Alice"}}
    assert program["connection"]["url"] == f"{web.url}/api"
    assert "hunter2" not in json.dumps(program)


def test_a_connection_with_a_mistake_is_told_with_its_line(person: Person, web: Web):
    broken = SHOP.replace("type: json-api", "type: jsonapi")
    file = file_of(person, web, REMIND, broken)

    done = person.penstock("--local", "validate", file)

    assert done.returncode == 2
    assert "json-api" in done.stdout
    assert ":5" in done.stdout


def test_a_step_finds_out_what_a_connection_offers(person: Person, web: Web):
    web.answer("GET", "/.well-known/mcp.json", {"learning": "Ask nicely.", "resources": [{"name": "Order"}]})
    file = file_of(person, web, "    - {name: a, discover: {connection: shop}}\n")

    done = person.penstock("--local", "run", file, "-o", "json")

    assert done.returncode == 0, done.stderr
    output = json.loads(done.stdout)["output"]
    assert output == {"learning": "Ask nicely.", "resources": [{"name": "Order"}], "complete": True}


def test_a_statement_reads_a_database(person: Person, web: Web):
    path = person.home / "shop.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE orders (id INTEGER, customer TEXT)")
        database.execute("INSERT INTO orders VALUES (1, 'Alice'), (2, 'Bob')")
    connection = (
        "apiVersion: penstock.dev/v1alpha1\nkind: Connection\nmetadata: {{name: db}}\n"
        f"spec: {{{{type: sql, url: 'sqlite:///{path}'}}}}\n---\n"
    )
    step = "    - name: a\n      sql: {connection: db, statement: 'SELECT id FROM orders WHERE customer = :who', "
    file = file_of(person, web, step + "parameters: {who: '{{ context.name }}'}}\n", connection)

    done = person.penstock("--local", "run", file, "-o", "json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["output"] == {"rows": [{"id": 1}], "rowCount": 1, "complete": True}


def test_a_connection_alone_is_stored_listed_and_looked_at(person: Person, web: Web):
    web.answer("GET", "/.well-known/mcp.json", {"resources": [{"name": "Order"}, {"name": "Customer\x1b[2J"}]})
    person.more["PENSTOCK_SECRETS_DIR"] = str(person.home)
    person.file("shop.env", "TOKEN=hunter2-hunter2\n")
    file = person.file("shop.yaml", SHOP.format(url=web.url))

    applied = person.penstock("--local", "apply", file)
    assert applied.stdout == "Connection default/shop is stored\n", applied.stderr
    assert "Looked at  never" in person.penstock("--local", "get", "connection", "shop").stdout
    assert web.requests == []
    looked = person.penstock("--local", "get", "connection", "shop", "--look")
    assert looked.returncode == 0, looked.stderr
    assert "Reachable  True (Answered)" in looked.stdout
    assert "Offers     Order, Customer<U+001B>[2J" in looked.stdout
    [row] = person.penstock("--local", "list", "connections").stdout.splitlines()[1:]
    assert row.split()[:5] == ["shop", "json-api", f"{web.url}/api", "True", "2"]
    # What is stored again as it is keeps what was found.
    person.penstock("--local", "apply", file)
    status = json.loads(person.penstock("--local", "get", "connection", "shop", "-o", "json").stdout)["status"]
    assert status["names"] == ["Order", "Customer\x1b[2J"]


def test_a_connection_that_does_not_answer_says_so(person: Person, web: Web):
    person.more["PENSTOCK_SECRETS_DIR"] = str(person.home)
    person.file("shop.env", "TOKEN=hunter2-hunter2\n")
    person.penstock("--local", "apply", person.file("shop.yaml", SHOP.format(url="http://127.0.0.1:9")))

    looked = person.penstock("--local", "get", "connection", "shop", "--look")

    assert looked.returncode == 0, looked.stderr
    assert "Reachable  False (CallFailed): 127.0.0.1:9 cannot be reached" in looked.stdout


def test_nothing_of_a_file_with_a_mistake_is_stored(person: Person, web: Web):
    good = person.file("shop.yaml", SHOP.format(url=web.url))
    bad = person.file("bad.yaml", SHOP.format(url=web.url).replace("name: shop", "name: other", 1) + "kind: Nothing\n")

    done = person.penstock("--local", "apply", good, bad)

    assert done.returncode == 2
    assert person.penstock("--local", "list", "connections").stderr.endswith("No connections found.\n")


def test_many_rows_are_written_about_by_few_processes_each_with_a_call_of_its_own(person: Person, web: Web):
    web.answer("GET", "/api/orders", [{"id": number} for number in range(7)] + [{"id": "a/b"}])
    for number in range(7):
        web.answer("POST", f"/api/orders/{number}/mails", {"order": number}, status=201 if number != 3 else 418)
    steps = """\
    - {name: orders, http: {connection: shop, path: /orders}}
    - name: mail
      needs: [orders]
      forEach: steps.orders.output.body
      itemsPerPod: 3
      maxParallel: 2
      itemFailures: {tolerated: 2, failFast: false}
      http: {connection: shop, method: POST, path: "/orders/{{ item.id }}/mails", body: {n: "{{ itemIndex }}"}}
"""
    connection = SHOP.replace("/emails", "/orders/*/mails")
    file = file_of(person, web, steps, connection)

    done = person.penstock("--local", "run", file, "-o", "json")

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    got = [each and each["body"]["order"] for each in answer["output"]]
    assert got == [0, 1, 2, None, 4, 5, 6, None]
    posted = [each for each in web.requests if each.method == "POST"]
    assert sorted((each.path, json.loads(each.body)["n"]) for each in posted) == [
        (f"/api/orders/{number}/mails", number) for number in range(7)
    ]
    assert len({each.headers["idempotency-key"] for each in posted}) == 7
    assert {each.headers["authorization"] for each in posted} == {"Bearer hunter2-hunter2"}
    status = json.loads(person.penstock("--local", "get", answer["run"], "-o", "json").stdout)["status"]
    assert status["steps"]["mail"]["items"]["itemsPerPod"] == 3
    log = person.penstock("--local", "logs", answer["run"], "mail", "--item", "7").stdout
    assert "a value there is one part, without slashes" in log
