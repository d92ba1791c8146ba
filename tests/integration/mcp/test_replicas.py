"""Two replicas behind a balancer that sends each request to the next: everything works from either, in both eras."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial

import pytest

from tests.integration.mcp.balancing import Balancer, balanced
from tests.integration.mcp.orders_agent import CONTEXT, orders, task_of
from tests.integration.mcp.reviewing_server import ReviewingServer, a_token
from tests.integration.mcp.serving import TOOL, server_of
from tests.support.eventually import eventually
from tests.support.mcp_client import Era, answer_of, call, tool_names


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with orders() as server:
        yield server


@pytest.fixture
async def both(api: ReviewingServer) -> AsyncIterator[Balancer]:
    async with server_of(api) as one, server_of(api) as two, balanced(one.origin, two.origin) as balancer:
        yield balancer


async def test_a_run_is_started_on_one_and_followed_on_the_other(api: ReviewingServer, both: Balancer, era: Era):
    async with both.client(era, a_token("agent")) as client:
        assert TOOL in await tool_names(client)
        started = await call(client, TOOL, context=CONTEXT, wait=False)
        for _ in range(4):
            assert (await call(client, "get_run", run=started["run"]))["status"] == "running"
        api.finish("shop", "order-processing-n1", {"order_id": "ORD-1"})
        for _ in range(2):
            assert (await call(client, "wait_for_run", run=started["run"]))["output"] == {"order_id": "ORD-1"}
        assert len((await call(client, "list_runs"))["output"]["runs"]) == 1
        run = await client.read_resource(f"run://{started['run']}")
    assert "ORD-1" in getattr(run[0], "text", "")
    assert min(both.counts) >= 4


async def test_a_session_with_an_application_is_known_to_both(both: Balancer, era: Era):
    async with both.client(era, a_token("agent")) as client:
        opened = (await call(client, "open_application", uri="application://shop/sales"))["output"]
        for _ in range(2):
            found = await call(client, "discover_tools", session_id=opened["session_id"])
            assert [tool["tool_id"] for tool in found["output"]["tools"]] == ["shop/order-processing"]
        arguments = {"context": CONTEXT, "wait": False}
        started = await call(
            client,
            "execute_tool",
            session_id=opened["session_id"],
            tool_id="shop/order-processing",
            arguments=arguments,
        )
    assert started["status"] == "running"


async def test_a_task_is_known_to_both(api: ReviewingServer, both: Balancer):
    ask = partial(task_of, both.address)
    task = await ask("tools/call", TOOL, name=TOOL, arguments={"context": CONTEXT, "wait": False})
    for _ in range(2):
        assert (await ask("tasks/get", task["taskId"], taskId=task["taskId"]))["status"] == "working"
    await ask("tasks/cancel", task["taskId"], taskId=task["taskId"])
    assert api.get("workflowruns", "order-processing-n1", "shop")["spec"]["cancel"]
    api.finish("shop", "order-processing-n1", 7)
    for _ in range(2):
        ended = await ask("tasks/get", task["taskId"], taskId=task["taskId"])
        assert ended["result"]["structuredContent"]["output"] == 7
    assert min(both.counts) >= 3


async def test_a_replica_that_dies_in_a_call_loses_nothing_but_that_connection(api: ReviewingServer):
    async with contextlib.AsyncExitStack() as stack:
        dying = contextlib.AsyncExitStack()
        one = await dying.enter_async_context(server_of(api))
        two = await stack.enter_async_context(server_of(api))
        async with one.client(a_token("agent"), "auto") as client:
            waiting = asyncio.create_task(answer_of(client, TOOL, context=CONTEXT))
            await eventually(lambda: api.names("workflowruns"))
            await dying.aclose()
            with contextlib.suppress(Exception):
                await waiting
        assert "cancel" not in api.get("workflowruns", "order-processing-n1", "shop")["spec"]
        api.finish("shop", "order-processing-n1", 7)
        async with two.client(a_token("agent"), "auto") as client:
            assert (await call(client, "get_run", run="shop/order-processing-n1"))["output"] == 7
