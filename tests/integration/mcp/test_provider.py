from __future__ import annotations

import asyncio

from penstock.errors import Forbidden, Unavailable
from penstock.ports.access import Actor, Key
from penstock_mcp.backend import OnWorkflows, OwnBackend
from tests.support.mcp_client import (
    AGENT,
    ANN,
    Era,
    Switchable,
    a_server,
    answer_of,
    call,
    connected,
    own,
    said,
    shared,
    tool_names,
)
from tests.support.memory_access import World, a_workflow

TOOL = "execute_order_processing"
CONTEXT = {"customer_id": "CUST-1"}


async def until_listed(client, name: str, *, there: bool) -> None:
    async with asyncio.timeout(10):
        while (name in await tool_names(client)) is not there:
            await asyncio.sleep(0.01)


async def test_tools_come_and_go_with_workflows(era: Era):
    world = World()
    async with connected(a_server(own(world)), era) as client:
        assert TOOL not in await tool_names(client)
        world.put(a_workflow())
        await until_listed(client, TOOL, there=True)
        world.drop("shop", "order-processing")
        await until_listed(client, TOOL, there=False)


async def test_an_edit_of_the_inputs_reaches_the_tool(era: Era):
    world = World(a_workflow())
    async with connected(a_server(own(world)), era) as client:
        inputs = {"type": "object", "properties": {"colour": {"type": "string"}}}
        world.put(a_workflow(inputs=inputs, description="New."))
        async with asyncio.timeout(10):
            while True:
                tool = next(tool for tool in await client.list_tools() if tool.name == TOOL)
                if "colour" in str(tool.input_schema):
                    break
                await asyncio.sleep(0.01)
        assert tool.description is not None
        assert tool.description.endswith("> New.")


async def test_a_tool_that_was_switched_off_cannot_be_called_by_its_name(era: Era):
    world = World(a_workflow(tool={"enabled": False}))
    async with connected(a_server(own(world)), era) as client:
        result = await answer_of(client, TOOL, context=CONTEXT)
    assert result.is_error
    assert said(result) == f"Unknown tool: '{TOOL}'"
    assert world.runs == {}


async def test_a_caller_sees_what_that_caller_may_run(era: Era):
    world = World(a_workflow("open"), a_workflow("secret"))
    backend = shared(world, may_run=lambda actor, key: actor == ANN or key.name == "open")
    caller = Switchable(AGENT)
    async with connected(a_server(backend, caller), era) as client:
        assert [name for name in await tool_names(client) if name.startswith("execute_shop")] == ["execute_shop__open"]
        caller.actor = ANN
        assert "execute_shop__secret" in await tool_names(client)


async def test_a_hidden_tool_answers_like_one_that_does_not_exist(era: Era):
    world = World(a_workflow("secret"))
    backend = shared(world, may_run=lambda actor, key: False)
    async with connected(a_server(backend, Switchable(AGENT)), era) as client:
        hidden = await answer_of(client, "execute_shop__secret", context={"customer_id": 7})
        unknown = await answer_of(client, "execute_shop__nothing", context={"customer_id": 7})
    assert said(hidden).replace("secret", "nothing") == said(unknown)
    assert (hidden.is_error, hidden.structured_content) == (unknown.is_error, unknown.structured_content)
    assert world.runs == {}


async def test_a_run_is_asked_for_as_the_caller(era: Era):
    world = World(a_workflow())
    async with connected(a_server(shared(world), Switchable(AGENT)), era) as client:
        await call(client, "execute_shop__order_processing", context=CONTEXT, wait=False)
    assert world.creators == [AGENT]


async def test_without_an_identity_nothing_is_shown_and_nothing_is_done(era: Era):
    class Nobody:
        def current(self) -> Actor | None:
            raise Forbidden("this call carries no identity")

        def may(self, scope: str) -> bool:
            raise Forbidden("this call carries no identity")

        def person(self) -> bool:
            raise Forbidden("this call carries no identity")

        def signed_in_recently(self) -> bool:
            raise Forbidden("this call carries no identity")

    world = World(a_workflow())
    async with connected(a_server(shared(world), Nobody()), era) as client:
        assert not [name for name in await tool_names(client) if name.startswith("execute_shop")]
        called = await answer_of(client, "execute_shop__order_processing", context=CONTEXT)
        listed = await call(client, "list_runs")
    assert called.is_error
    assert listed["error"] == "FORBIDDEN"
    assert world.runs == {}


async def test_an_identity_that_is_missing_by_mistake_never_becomes_the_servers_own(era: Era):
    world = World(a_workflow())
    async with connected(a_server(shared(world), Switchable(None)), era) as client:
        assert (await call(client, "list_runs"))["error"] == "FORBIDDEN"
        assert (await answer_of(client, "execute_shop__order_processing", context=CONTEXT)).is_error
    assert world.runs == {}


async def test_while_the_api_server_is_away_a_call_says_so_and_the_tools_come_back(era: Era):
    world = World(a_workflow())
    async with connected(a_server(shared(world), Switchable(AGENT)), era) as client:
        world.trouble = Unavailable("the API server is away")
        called = await call(client, "execute_shop__order_processing", context=CONTEXT)
        assert called["error"] == "UNAVAILABLE"
        world.trouble = None
        await until_listed(client, "execute_shop__order_processing", there=True)


async def test_the_last_workflows_are_served_while_none_can_be_read(era: Era):
    world = World(a_workflow())
    backend = own(world)
    async with connected(a_server(backend), era) as client:
        assert TOOL in await tool_names(client)
        world.trouble = Unavailable("the API server is away")
        await asyncio.sleep(0)
        assert TOOL in await tool_names(client)


async def test_a_watch_that_breaks_is_begun_again(era: Era):
    world = World(a_workflow())

    class Fragile(OwnBackend):
        broken = 0

        async def watch_workflows(self, on_change: OnWorkflows) -> None:
            if self.broken < 2:
                self.broken += 1
                raise RuntimeError("a bug in the adapter")
            await super().watch_workflows(on_change)

    async with connected(a_server(Fragile(world.access(), "shop")), era) as client:
        await until_listed(client, TOOL, there=True)


async def test_one_server_for_many_namespaces_keeps_equal_names_apart(era: Era):
    world = World(a_workflow(namespace="shop"), a_workflow(namespace="lab"))
    async with connected(a_server(shared(world), Switchable(AGENT)), era) as client:
        names = await tool_names(client)
        assert {"execute_shop__order_processing", "execute_lab__order_processing"} <= set(names)
        await call(client, "execute_lab__order_processing", context=CONTEXT, wait=False)
    assert [key.namespace for key in world.runs] == ["lab"]


async def test_the_tools_annotations_are_the_workflows(era: Era):
    hints = {"readOnly": True, "destructive": False, "idempotent": True, "openWorld": False}
    world = World(a_workflow(tool={"title": "Process an order", "annotations": hints}))
    async with connected(a_server(own(world)), era) as client:
        tool = next(tool for tool in await client.list_tools() if tool.name == TOOL)
    assert tool.title == "Process an order"
    assert tool.annotations is not None
    assert tool.annotations.read_only_hint is True
    assert tool.annotations.destructive_hint is False
    assert tool.meta is not None
    assert tool.meta["penstock.dev/workflow"] == "shop/order-processing"


async def test_rights_are_asked_once_for_many_calls():
    asked: list[Key] = []
    world = World(a_workflow())

    def may_run(actor: Actor, key: Key) -> bool:
        asked.append(key)
        return True

    async with connected(a_server(shared(world, may_run=may_run), Switchable(AGENT)), "auto") as client:
        for _ in range(5):
            await tool_names(client)
    assert len(asked) == 1
