"""A replica that is killed in the middle of calls: whoever called it loses that connection, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from tests.integration.mcp.balancing import Balancer, balanced
from tests.integration.mcp.orders_agent import CONTEXT, orders, task_of
from tests.integration.mcp.reviewing_server import ReviewingServer, a_token
from tests.integration.mcp.serving import TOOL
from tests.integration.mcp.test_process import a_free_port, a_kubeconfig, running, until_ready
from tests.support.eventually import eventually
from tests.support.mcp_client import Era, answer_of, call, tool_names

pytestmark = pytest.mark.timeout(180, func_only=True)


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with orders() as server:
        yield server


@asynccontextmanager
async def replica(api: ReviewingServer, folder: Path) -> AsyncIterator[tuple[Process, str]]:
    """A process of the server, as a pod has it, and its origin."""
    port = a_free_port()
    environment = {"KUBECONFIG": str(a_kubeconfig(api, folder)), "PENSTOCK_PORT": str(port)}
    async with running(environment, "--http", "--cluster", "--host", "127.0.0.1") as process:
        await until_ready(f"http://127.0.0.1:{port}")
        yield process, f"http://127.0.0.1:{port}"


def client_of(origin: str, era: Era) -> Client[Any]:
    return Client(f"{origin}/mcp", auth=a_token("agent"), mode=era)


async def test_only_the_connection_is_lost(api: ReviewingServer, tmp_path: Path, era: Era):
    async with (
        replica(api, tmp_path) as (dying, doomed),
        replica(api, tmp_path) as (_, other),
        client_of(other, era) as kept,
    ):
        lost = client_of(doomed, era)
        await lost.__aenter__()
        opened = (await call(lost, "open_application", uri="application://shop/sales"))["output"]
        task = await task_of(doomed, "tools/call", TOOL, name=TOOL, arguments={"context": CONTEXT, "wait": False})
        other_run = task["taskId"]
        undisturbed = asyncio.create_task(call(kept, "wait_for_run", run=other_run))
        cut = asyncio.create_task(answer_of(lost, TOOL, context=CONTEXT, idempotency_key="mine"))
        await eventually(lambda: len(api.names("workflowruns")) == 2)
        (mine,) = {name for name in api.names("workflowruns") if f"shop/{name}" != other_run}

        dying.kill()
        await dying.wait()
        for ending in (cut, lost.close()):
            with contextlib.suppress(Exception):
                await asyncio.wait_for(ending, 20)

        async with balanced(doomed, other) as balancer:
            await goes_on(api, balancer, era, mine, opened["session_id"])
        assert (await task_of(other, "tasks/get", other_run, taskId=other_run))["status"] == "working"
        api.finish("shop", other_run.partition("/")[2], 7)
        assert (await undisturbed)["output"] == 7
        assert (await task_of(other, "tasks/get", other_run, taskId=other_run))["status"] == "completed"


async def goes_on(api: ReviewingServer, balancer: Balancer, era: Era, mine: str, session: str) -> None:
    """What the caller who was cut off finds with the same address: the run, once, and the session."""
    async with balancer.client(era, a_token("agent")) as client:
        assert TOOL in await tool_names(client)
        assert "cancel" not in api.get("workflowruns", mine, "shop")["spec"]
        assert mine in str((await call(client, "list_runs"))["output"]["runs"])
        again = await call(client, TOOL, context=CONTEXT, idempotency_key="mine", wait=False)
        assert again["run"] == f"shop/{mine}"
        assert len(api.names("workflowruns")) == 2
        found = await call(client, "discover_tools", session_id=session)
        assert found["status"] == "success"
        api.finish("shop", mine, {"order_id": "ORD-1"})
        assert (await call(client, "wait_for_run", run=f"shop/{mine}"))["output"] == {"order_id": "ORD-1"}
