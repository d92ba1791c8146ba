from __future__ import annotations

from typing import Any

import pytest

from penstock.ports.access import Key
from tests.support.mcp_client import Era, a_server, call, connected, own, tool_names
from tests.support.memory_access import World, a_workflow

CONTEXT = {"customer_id": "CUST-1"}
TEMPLATE = {"labels": {"penstock.dev/template": "true", "app.kubernetes.io/part-of": "sales"}}


@pytest.fixture
def world() -> World:
    return World(a_workflow("report", metadata=TEMPLATE), a_workflow())


async def clone(client: Any, **arguments: Any) -> dict[str, Any]:
    return await call(client, "clone_template", template="shop/report", **arguments)


async def test_templates_are_listed_and_are_no_tools(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        (template,) = (await call(client, "list_templates"))["output"]["templates"]
        assert "execute_report" not in await tool_names(client)
    assert template["workflow"] == "shop/report"
    assert template["inputs"]["required"] == ["customer_id"]


async def test_a_clone_is_configured_and_can_be_run(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        defaults = {"customer_id": "CUST-7"}
        made = await clone(client, name="daily-report", defaults=defaults, description="Every day.", title="Daily")
        assert made["status"] == "success", made
        answer = await call(client, "reload_tools")
        assert "execute_daily_report" in answer["output"]["names"] + await tool_names(client)
    workflow = world.memory.workflows.get(Key("shop", "daily-report"))
    assert workflow.spec.description == "Every day."
    assert workflow.spec.tool.title == "Daily"
    assert workflow.spec.inputs is not None
    assert workflow.spec.inputs["properties"]["customer_id"]["default"] == "CUST-7"
    assert "required" not in workflow.spec.inputs
    assert workflow.metadata.labels == {"app.kubernetes.io/part-of": "sales"}
    assert world.memory.workflows.get(Key("shop", "report")).spec.inputs["required"] == ["customer_id"]  # type: ignore[index]  # it has inputs


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"name": "x", "defaults": {"custmer_id": "CUST-1"}}, "customer_id"),
        ({"name": "x", "defaults": {"customer_id": "7", "order_total": -1}}, "order_total"),
        ({"name": "x", "title": "t" * 129}, "title"),
    ],
)
async def test_what_is_wrong_with_a_configuration_is_told_and_nothing_is_created(
    world: World, arguments: dict[str, Any], told: str
):
    async with connected(a_server(own(world)), "auto") as client:
        answer = await clone(client, **arguments)
    assert answer["error"] == "INVALID_INPUT"
    assert told in answer["message"]
    assert len(world.memory.workflows.all()) == 2


async def test_a_clone_never_replaces_a_workflow(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        answer = await clone(client, name="order-processing")
    assert answer["error"] == "ALREADY_EXISTS"


async def test_only_templates_are_cloned(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        answer = await call(client, "clone_template", template="shop/order-processing", name="x")
    assert answer["error"] == "NOT_POSSIBLE"


async def test_figures_tell_how_runs_end(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        for _ in range(4):
            await call(client, "execute_order_processing", context=CONTEXT, wait=False)
        times = {"startedAt": "2026-01-02T12:00:00Z", "finishedAt": "2026-01-02T12:00:04Z"}
        world.change(Key("shop", "order-processing-n1"), phase="Succeeded", **times)
        world.change(Key("shop", "order-processing-n2"), phase="Failed", **times)
        world.ask(Key("shop", "order-processing-n3"))
        output = (await call(client, "get_stats"))["output"]
    assert output["by_phase"] == {"Pending": 1, "Waiting": 1, "Failed": 1, "Succeeded": 1}
    assert (output["success_rate"], output["median_seconds"], output["waiting_approvals"]) == (0.5, 4.0, 1)
    assert [(line["workflow"], line["total"]) for line in output["workflows"]] == [("shop/order-processing", 4)]


async def test_figures_that_nobody_knows_yet_are_left_out(world: World, era: Era):
    """Clients check answers against the tool's schema: with a null in them they would show none at all."""
    async with connected(a_server(own(world)), era) as client:
        assert "median_seconds" not in (await call(client, "get_stats"))["output"]
        await call(client, "execute_order_processing", context={"customer_id": "CUST-1"}, wait=False)
        output = (await call(client, "get_stats"))["output"]
    assert output["workflows"] == [{"workflow": "shop/order-processing", "total": 1, "by_phase": {"Pending": 1}}]
    assert not {"success_rate", "mean_seconds", "median_seconds"} & set(output)


async def test_runtimes_say_what_a_step_may_be_written_in(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        found = {line["name"]: line for line in (await call(client, "list_runtimes"))["output"]["runtimes"]}
    assert found["python"]["dependencies"]
    assert {"bash", "python"} <= set(found)
