"""Tool Contexts that run: what `penstock import tool-context` writes, against a real server and a model's protocol."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.integration.cli.person import EXAMPLES, Person
from tests.support.provider import Provider, says, serving_provider
from tests.support.shop import serving_shop
from tests.support.web import Web, serving

pytestmark = pytest.mark.timeout(300)

Json = dict[str, Any]
ORDERS = [
    {"id": "1", "type": "Order", "attributes": {"customer_id": 7, "amount_total": 640}},
    {"id": "2", "type": "Order", "attributes": {"customer_id": 8, "amount_total": 45}},
]
GOAL = "Check which orders are over $500 and generate alert POSTs as needed"


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as web:
        yield web


def alert(connection: str, **body: Any) -> Json:
    """What a model answers: a plan of one more call."""
    http = {"connection": connection, "method": "POST", "path": "/Email", "body": body}
    return {"summary": "Alerts the manager.", "spec": {"steps": [{"name": "alert", "http": http}]}}


async def imported(person: Person, context: Path, provider: Provider, token: str) -> str:
    """The file that was written for a Tool Context, with the edits that its own words ask for."""
    done = await asyncio.to_thread(person.penstock, "import", "tool-context", str(context), "--name", "remind")
    assert done.returncode == 0, done.stderr
    path = person.home / "remind.yaml"
    documents = list(yaml.safe_load_all(path.read_text()))
    called, model, _ = documents
    called["spec"]["auth"] = {"secretRef": {"name": "shop", "key": "token"}}
    model["spec"] |= {"provider": "openai-compatible", "url": provider.address}
    path.write_text(yaml.safe_dump_all(documents))
    person.more["PENSTOCK_SECRETS_DIR"] = str(person.home)
    person.file("shop.env", f"token={token}\n")
    person.file("remind-model.env", "token=key-of-the-model\n")
    return str(path)


async def run(person: Person, file: str) -> Json:
    words = ("--local", "run", file, "--workflow", "remind", "--approve", "-o", "json")
    done = await asyncio.to_thread(person.penstock, *words, seconds=120)
    assert done.returncode == 0, done.stderr + done.stdout
    output: Json = json.loads(done.stdout)["output"]
    return output


async def test_the_server_gets_filters_a_body_for_each_row_and_what_a_model_adds(person: Person, web: Web):
    web.answer("GET", "/api/Order", {"data": ORDERS})
    web.answer("POST", "/api/Email", {"data": {"id": "1"}}, status=201)
    shared = {"tool_type": "json-api", "base_url": f"{web.url}/api"}
    blocks = [
        {
            **shared,
            "path": "Order",
            "method": "GET",
            "query_params": [
                {"name": "customer", "op": "eq", "val": "Alice & Söhne"},
                {"name": "date_shipped", "op": "eq", "val": None},
                {"name": "created_on", "op": "lt", "val": "2023-07-14"},
            ],
            "body": [],
            "llm_call": True,
            "llm_goal": GOAL,
        },
        {
            **shared,
            "path": "Email",
            "method": "POST",
            "body": [
                {"name": "customer_id", "value": "{customer_id}"},
                {"name": "order", "value": "Order {id}"},
                {"name": "subject", "value": "Discount 'Offer'"},
            ],
        },
    ]
    context = Path(person.file("context.json", json.dumps(blocks)))
    async with serving_provider(says(alert("remind", orders=["1"], to="sales-manager"))) as provider:
        output = await run(person, await imported(person, context, provider, "hunter2-hunter2"))

    [read, *sent] = web.requests
    assert (read.method, read.path) == ("GET", "/api/Order")
    assert read.query == {
        "filter[customer]": ["Alice & Söhne"],
        "filter[date_shipped][isnull]": ["true"],
        "filter[created_on][lt]": ["2023-07-14"],
    }
    assert {each.headers["authorization"] for each in web.requests} == {"Bearer hunter2-hunter2"}
    assert [(each.method, each.path) for each in sent] == [("POST", "/api/Email")] * 3
    first, *others = [json.loads(each.body) for each in sent]
    assert first == {"orders": ["1"], "to": "sales-manager"}
    assert sorted(others, key=lambda each: each["order"]) == [
        {"customer_id": 7, "order": "Order 1", "subject": "Discount 'Offer'"},
        {"customer_id": 8, "order": "Order 2", "subject": "Discount 'Offer'"},
    ]
    assert GOAL in provider.asked
    assert "640" in provider.asked
    assert provider.keys == ["key-of-the-model"]
    assert list(output) == ["get_order", "get_order_go_on", "post_email"]
    assert [each["status"] for each in output["post_email"]] == [201, 201]


async def test_the_example_runs_in_the_shop(person: Person):
    answer = alert("remind", data={"attributes": {"recipient": "sales-manager", "subject": "Not sent: order 4"}})
    async with serving_shop() as shop, serving_provider(says(answer)) as provider:
        example = (EXAMPLES / "imports" / "remind.context.json").read_text()
        context = Path(person.file("context.json", example.replace("http://localhost:5656", shop.address)))
        await run(person, await imported(person, context, provider, "shop-sales"))
        emails = (await shop.get("/api/Email")).rows
    assert sorted((row["order_id"], row["status"]) for row in emails if row["order_id"]) == [
        (1, "sent"),
        (2, "sent"),
        (3, "sent"),
        (4, "not sent"),
    ]
    assert [row["subject"] for row in emails if row["recipient"] == "sales-manager"] == ["Not sent: order 4"]
    assert "not sent" in provider.asked
