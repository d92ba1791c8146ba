"""From words to a run over MCP: real processes in local mode, a shop on a real port, a model's protocol on another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastmcp import Client

from examples.ask.demo import Model, prepare
from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.workflow import Workflow
from penstock.settings import CommandSettings
from penstock.wiring import open_access
from tests.integration.cli.test_ask import ALERT, ALERTING
from tests.integration.mcp.test_stdio import over_stdio
from tests.support.mcp_client import ANN, Era, Switchable, a_server, answer_of, call, connected, said, shared
from tests.support.memory_access import World, a_workflow
from tests.support.provider import says, serving_provider
from tests.support.shop import ShopClient, serving_shop

pytestmark = pytest.mark.timeout(400)

Json = dict[str, Any]
SHOP = "application://default/shop"
REFUND: Json = {
    "description": "Pays back what an order cost.",
    "inputs": {"type": "object", "required": ["order"], "properties": {"order": {"type": "integer"}}},
    "outputs": {"from": "steps.pay.output"},
    "steps": [{"name": "pay", "script": {"runtime": "bash", "source": 'output "paid back $CTX_order"'}}],
}


@pytest.fixture
async def shop() -> AsyncIterator[ShopClient]:
    async with serving_shop() as client:
        yield client


async def stored(home: Path, address: str, model: Model | None = None, **plans: Any) -> Path:
    """A machine with `ask`, its Connections and a Workflow of the same application."""
    folder = home / ".config" / "penstock"
    folder.mkdir(parents=True)
    prepare(folder, address, token="shop-sales", model=model)
    documents = list(yaml.safe_load_all((folder / "ask.yaml").read_text()))
    refund = {"metadata": {"name": "refund", "labels": {"app.kubernetes.io/part-of": "shop"}}, "spec": REFUND}
    async with open_access(CommandSettings(mode="local", home=home)) as access:
        for each in documents:
            if each["kind"] == "Connection":
                await access.connections.apply(Connection.model_validate(each))
            else:
                (planning,) = (step for step in each["spec"]["steps"] if "llm" in step)
                planning["llm"]["plans"] |= plans
                await access.workflows.apply(Workflow.model_validate(each))
        await access.workflows.apply(Workflow.model_validate(refund))
    return home


async def planned(client: Client[Any], goal: str) -> Json:
    """What becomes of planning, however long it takes on this machine."""
    answer = await call(client, "plan_workflow", goal=goal)
    while answer["status"] == "running":
        answer = await call(client, "run_plan", run=answer["run"])
    return answer


async def emails(shop: ShopClient) -> list[Json]:
    return (await shop.get("/api/Email")).rows


async def test_a_goal_becomes_a_plan_that_waits_for_people_and_then_runs(tmp_path: Path, shop: ShopClient, era: Era):
    home = await stored(tmp_path / "home", shop.address)
    async with over_stdio(home, era) as client:
        shown = await answer_of(client, "plan_workflow", goal=ALERT, application=SHOP)
        answer = shown.structured_content
        assert answer is not None
        assert answer["status"] == "waiting", answer
        assert "1. orders: GET /Order of shop where customer_name eq Alice" in answer["about"]["plan"]
        assert answer["about"]["recorded"] is True
        assert "A recorded answer was used: no model was asked." in said(shown)
        assert await emails(shop) == []
        (gate,) = answer["approvals"]
        assert gate["message"] == answer["about"]["plan"]
        still = await call(client, "run_plan", run=answer["run"], timeout=1)
        assert still["status"] == "waiting"
        assert await emails(shop) == []
        await call(client, "approve_workflow", request_id=gate["request_id"], comment="fine")
        done = await call(client, "run_plan", run=answer["run"])
    assert done["status"] == "success", done
    assert [row["attributes"]["customer_name"] for row in done["output"]["orders"]["output"]["rows"]] == ["Alice"] * 2
    assert [row["recipient"] for row in await emails(shop)] == ["sales-manager"]


async def test_a_model_plans_with_the_workflows_of_the_application(tmp_path: Path, shop: ShopClient):
    step = {"name": "refund", "workflow": {"name": "refund", "context": {"order": 12}}}
    async with serving_provider(says({"summary": "Pays back.", "spec": {"steps": [step]}})) as provider:
        model = Model("openai-compatible", "small-1", provider.address, "k-12345")
        home = await stored(tmp_path / "home", shop.address, model, workflows=["refund"])
        async with over_stdio(home, "auto") as client:
            answer = await planned(client, "Refund order 12.")
            assert answer["status"] == "waiting", answer
            assert 'run the Workflow refund with {"order": 12}' in answer["about"]["plan"]
            assert answer["about"]["recorded"] is False
            await call(client, "approve_workflow", request_id=answer["approvals"][0]["request_id"])
            done = await call(client, "run_plan", run=answer["run"])
    assert done["output"]["refund"]["output"] == "paid back 12", done
    assert "Pays back what an order cost." in provider.asked


async def test_a_plan_that_is_wrong_three_times_answers_with_what_is_wrong(tmp_path: Path, shop: ShopClient):
    wrong = {"summary": "x", "spec": {"steps": [{"name": "a", "needs": ["b"], "http": {"connection": "shop"}}]}}
    async with serving_provider(*[says(wrong)] * 3, says(ALERTING)) as provider:
        model = Model("openai-compatible", "small-1", provider.address, "k-12345")
        home = await stored(tmp_path / "home", shop.address, model)
        async with over_stdio(home, "auto") as client:
            answer = await planned(client, "Do something.")
    assert answer["status"] == "failed", answer
    assert "There is no step `b`" in answer["error"]
    assert len(provider.requests) == 3


def planning(name: str, application: str) -> Workflow:
    plans = {"connections": ["shop"]}
    return a_workflow(
        name,
        metadata={"labels": {"app.kubernetes.io/part-of": application, "penstock.dev/purpose": "plan"}},
        inputs={"type": "object", "properties": {"prompt": {"type": "string"}}},
        steps=[{"name": "plan", "llm": {"connection": "model", "prompt": "Plan.", "plans": plans}}],
    )


async def test_only_a_workflow_that_the_caller_may_run_plans_for_them(era: Era):
    world = World(planning("ask", "sales"), planning("ask-books", "books"), a_workflow("order-processing"))
    backend = shared(world, may_run=lambda actor, key: key.name != "ask-books")
    async with connected(a_server(backend, Switchable(ANN), budget=0.05), era) as client:
        own = await call(client, "plan_workflow", goal="Do it.", application="application://shop/sales")
        other = await call(client, "plan_workflow", goal="Do it.", application="application://shop/books")
        wrong = await call(client, "plan_workflow", goal="Do it.", application="sales")
    assert own["run"].startswith("shop/ask-")
    assert (other["error"], wrong["error"]) == ("NOT_FOUND", "INVALID_INPUT")
    assert [run.spec.workflow.name for run in world.runs.values() if run.spec.workflow] == ["ask"]
    assert [creator.user for creator in world.creators] == [ANN.user]


async def test_other_runs_are_none_of_plans(era: Era):
    world = World(a_workflow("order-processing"))
    async with connected(a_server(shared(world, "shop"), Switchable(ANN), budget=0.05), era) as client:
        started = await call(client, "execute_order_processing", context={"customer_id": "CUST-1"}, wait=False)
        answer = await call(client, "run_plan", run=started["run"])
        missing = await call(client, "plan_workflow", goal="Do it.")
    assert answer["error"] == "INVALID_INPUT"
    assert "penstock.dev/purpose: plan" in missing["message"]
