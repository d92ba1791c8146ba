from __future__ import annotations

import json
from typing import Any

import pytest
from fastmcp import Client
from mcp.shared.exceptions import MCPError

from penstock.ports.access import Key
from tests.support.mcp_client import AGENT, ANN, Era, Switchable, a_server, call, connected, own, shared
from tests.support.memory_access import World, a_workflow

CONTEXT = {"customer_id": "CUST-1"}
KEY = Key("shop", "order-processing-n1")


@pytest.fixture
def world() -> World:
    return World(a_workflow(metadata={"labels": {"app.kubernetes.io/part-of": "sales"}}))


async def read(client: Client[Any], address: str) -> Any:
    (content,) = await client.read_resource(address)
    return json.loads(getattr(content, "text", ""))


async def start(client: Client[Any], tool: str = "execute_order_processing") -> None:
    await call(client, tool, context=CONTEXT, wait=False)


async def test_the_addresses_are_announced(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        templates = await client.list_resource_templates()
    assert sorted(template.uri_template for template in templates) == [
        "approval://{namespace}/{name}",
        "run-log://{namespace}/{name}/{step}{?cursor}",
        "run://{namespace}/{name}",
        "workflow://{namespace}/{name}",
    ]
    assert all(template.title and template.description for template in templates)


async def test_a_run_reads_as_the_tool_tells_it(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.succeed(KEY, {"order_id": "ORD-1"})
        assert await read(client, "run://shop/order-processing-n1") == await call(client, "get_run", run=str(KEY))


async def test_a_workflow_tells_what_it_takes_and_where_people_decide(world: World, era: Era):
    gate = {"name": "release", "approval": {"approvers": {"groups": ["leads"]}}, "needs": ["charge"]}
    world.put(a_workflow(steps=[{"name": "charge", "script": {"runtime": "bash", "source": "secret-code"}}, gate]))
    async with connected(a_server(own(world)), era) as client:
        found = await read(client, "workflow://shop/order-processing")
    assert found["inputs"]["required"] == ["customer_id"]
    assert found["steps"][1]["approvers"]["groups"] == ["leads"]
    assert [step["kind"] for step in found["steps"]] == ["script", "approval"]
    assert "secret-code" not in json.dumps(found)


async def test_a_log_gives_only_what_is_new(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        world.change(KEY, phase="Running", steps={"charge": {"phase": "Running", "attempt": 1}})
        world.logs[KEY, "charge"] = [b"first\n"]
        begun = await read(client, "run-log://shop/order-processing-n1/charge")
        world.logs[KEY, "charge"].append(b"second\n")
        more = await read(client, f"run-log://shop/order-processing-n1/charge?cursor={begun['cursor']}")
    assert (begun["log"], more["log"]) == ("first\n", "second\n")


async def test_a_gate_is_shown_complete(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await start(client)
        gate = world.ask(KEY, subject={"source": "rm \u202e/"})
        found = await read(client, f"approval://{gate}")
    assert json.loads(found["subject"]) == {"source": "rm \u202e/"}
    assert "\\u202e" in found["subject"]


@pytest.mark.parametrize("address", ["run://shop/nothing", "workflow://shop/nothing", "approval://shop/nothing"])
async def test_what_is_not_there_is_not_found(world: World, era: Era, address: str):
    async with connected(a_server(own(world)), era) as client:
        with pytest.raises(MCPError, match=r"(?i)not found|no |unknown"):
            await client.read_resource(address)


@pytest.mark.parametrize("address", ["run://lab/x", "run://shop/..%2f..", "run-log://shop/x%2fy/z", "run://Shop/x"])
async def test_other_places_are_never_reached(world: World, era: Era, address: str):
    async with connected(a_server(own(world)), era) as client:
        with pytest.raises(MCPError):
            await client.read_resource(address)


async def test_a_read_acts_under_the_callers_own_rights(world: World, era: Era):
    caller = Switchable(ANN)
    backend = shared(world, reach=lambda actor: None if actor == ANN else ("lab",))
    async with connected(a_server(backend, caller), era) as client:
        await start(client, "execute_shop__order_processing")
        caller.actor = AGENT
        for address in (f"run://{KEY}", f"run-log://{KEY}/charge", "workflow://shop/order-processing"):
            with pytest.raises(MCPError, match="FORBIDDEN"):
                await client.read_resource(address)
