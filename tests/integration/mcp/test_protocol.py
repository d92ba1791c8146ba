from __future__ import annotations

import asyncio
from typing import Any

import pytest
from fastmcp.client.messages import MessageHandler
from mcp.client.subscriptions import listen

from penstock_mcp.protocol import ToolNews
from tests.support.eventually import eventually
from tests.support.mcp_client import Era, a_server, connected, own
from tests.support.memory_access import World, a_workflow


class Heard(MessageHandler):
    def __init__(self) -> None:
        self.times = 0

    async def on_tool_list_changed(self, message: Any) -> None:
        self.times += 1


async def test_clients_of_the_handshake_era_hear_of_new_tools():
    world, heard = World(), Heard()
    async with connected(a_server(own(world)), "legacy", message_handler=heard):
        world.put(a_workflow())
        await eventually(lambda: heard.times)


async def test_listeners_hear_of_new_tools():
    world = World()
    async with (
        asyncio.timeout(10),
        connected(a_server(own(world)), "auto") as client,
        listen(client.session, tools_list_changed=True) as events,
    ):
        world.put(a_workflow())
        async for event in events:
            assert type(event).__name__ == "ToolsListChanged"
            break


async def test_both_eras_say_that_the_list_of_tools_may_change(era: Era):
    async with connected(a_server(own(World())), era) as client:
        capabilities = client.session.server_capabilities
        assert capabilities is not None
        assert capabilities.tools is not None
        assert capabilities.tools.list_changed


async def test_nobody_listens_for_anything_but_tools():
    async with connected(a_server(own(World())), "auto") as client:
        addresses = ["run://shop/secret"]
        async with listen(client.session, tools_list_changed=True, resource_subscriptions=addresses) as events:
            assert events.honored.tools_list_changed
            assert not events.honored.resource_subscriptions


async def test_a_client_that_left_is_no_trouble():
    world, news = World(), ToolNews()
    server = a_server(own(world), news=news)
    async with connected(server, "legacy"):
        pass
    async with connected(server, "legacy", message_handler=(heard := Heard())):
        await news.tools_changed()
        await eventually(lambda: heard.times)
    await news.tools_changed()


async def test_closing_ends_listeners_as_the_protocol_wants():
    news = ToolNews()
    async with (
        asyncio.timeout(10),
        connected(a_server(own(World()), news=news), "auto") as client,
        listen(client.session, tools_list_changed=True) as events,
    ):
        news.close()
        assert [event async for event in events] == []


async def test_a_burst_of_changes_is_told_as_few():
    world, heard = World(), Heard()
    async with connected(a_server(own(world)), "legacy", message_handler=heard) as client:
        for number in range(50):
            world.put(a_workflow(f"w{number}"))
        async with asyncio.timeout(10):
            while len(await client.list_tools()) < 50:
                await asyncio.sleep(0.01)
        await eventually(lambda: heard.times)
    assert heard.times < 10


@pytest.mark.parametrize("name", ["execute_order_processing", "execute_nothing", "get_run"])
async def test_the_schema_lookup_never_raises(name: str):
    server = a_server(own(World(a_workflow())))
    async with connected(server, "auto"):
        lookup = server._mcp_server.get_tool_input_schema
        assert lookup is not None
        found = lookup(name)
    assert (found is not None) == (name == "execute_order_processing")
