"""The list of tools, page by page, in both protocol eras."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from fastmcp import Client
from mcp import MCPError

from penstock.ports.access import Key
from tests.support.mcp_client import ANN, BOB, Era, Switchable, a_server, connected, shared, tool_names
from tests.support.memory_access import World, a_workflow


@pytest.fixture
def world() -> World:
    return World(*(a_workflow(f"w{number}") for number in range(7)))


async def pages(client: Client[Any], between: Callable[[int], Awaitable[None]] | None = None) -> list[list[str]]:
    """The names of each page; `between` is called after each with how many there were."""
    found: list[list[str]] = []
    cursor: str | None = None
    while cursor or not found:
        assert len(found) < 10, "the pages have no end"
        page = await client.list_tools_mcp(cursor=cursor)
        found.append([tool.name for tool in page.tools if tool.name.startswith("execute_shop")])
        assert len(found) == 1 or len(found[-1]) == len(page.tools), "the fixed tools are on the first page"
        cursor = page.next_cursor
        if between is not None:
            await between(len(found))
    return found


def names(*numbers: int) -> list[str]:
    return [f"execute_shop__w{number}" for number in numbers]


async def test_pages_follow_each_other_by_name(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(ANN), page_size=3), era) as client:
        assert await pages(client) == [names(0, 1, 2), names(3, 4, 5), names(6)]
        everything = await tool_names(client)
    assert [name for name in everything if name.startswith("execute_shop")] == names(*range(7))
    assert "get_run" in everything
    assert len(everything) == len(set(everything))


async def test_what_comes_and_goes_meanwhile_shifts_and_repeats_nothing(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(ANN), page_size=3), era) as client:

        async def between(page: int) -> None:
            if page != 1:
                return
            world.drop("shop", "w0")
            world.drop("shop", "w2")
            world.put(a_workflow("w1a"))
            await eventually_listed(client, "execute_shop__w1a")

        found = await pages(client, between)
    assert found == [names(0, 1, 2), names(3, 4, 5), names(6)]


async def eventually_listed(client: Client[Any], name: str) -> None:
    for _ in range(500):
        if name in await tool_names(client):
            return
    raise AssertionError(f"{name} never came")


async def test_a_cursor_carries_no_right(world: World, era: Era):
    caller = Switchable(ANN)
    backend = shared(world, may_run=lambda actor, key: actor == ANN or key in (Key("shop", "w1"), Key("shop", "w5")))
    async with connected(a_server(backend, caller, page_size=3), era) as client:
        cursor = (await client.list_tools_mcp()).next_cursor
        caller.actor = BOB
        page = await client.list_tools_mcp(cursor=cursor)
    assert [tool.name for tool in page.tools] == names(5)
    assert page.next_cursor is None


@pytest.mark.parametrize("cursor", ["3", "after:", "after:" + "x" * 65, "after:../x"])
async def test_a_cursor_that_is_none_is_refused(world: World, era: Era, cursor: str):
    async with connected(a_server(shared(world), Switchable(ANN), page_size=3), era) as client:
        with pytest.raises(MCPError, match="cursor"):
            await client.list_tools_mcp(cursor=cursor)
