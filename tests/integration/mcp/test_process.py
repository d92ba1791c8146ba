"""The real process over HTTP, in front of a small API server: it stops without cutting anybody off."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import yaml
from fastmcp import Client
from mcp.client.subscriptions import listen

from penstock.settings import process_environment
from tests.integration.mcp.reviewing_server import OWN_TOKEN, ReviewingServer, a_token, reviewing
from tests.support.eventually import eventually
from tests.support.mcp_client import call, tool_names
from tests.support.memory_access import ORDER

AGENT = "system:serviceaccount:shop:agent"
TOOL = "execute_shop__order_processing"


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants.add((AGENT, "shop"))
        yield server


def a_kubeconfig(api: ReviewingServer, folder: Path) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": api.url}}],
        "users": [{"name": "test", "user": {"token": OWN_TOKEN}}],
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def a_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def running(environment: dict[str, str], *arguments: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "penstock_mcp", *arguments),
        env={"PATH": process_environment()["PATH"], **environment},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def until_ready(url: str) -> None:
    async with asyncio.timeout(60), httpx2.AsyncClient() as client:
        while True:
            try:
                if (await client.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx2.TransportError:
                pass  # not listening yet
            await asyncio.sleep(0.05)


async def test_on_sigterm_open_calls_end_and_listeners_are_told(api: ReviewingServer, tmp_path: Path):
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {"KUBECONFIG": str(a_kubeconfig(api, tmp_path)), "PENSTOCK_PORT": str(port)}
    async with running(environment, "--http", "--cluster", "--host", "127.0.0.1") as process:
        await until_ready(url)
        async with Client(f"{url}/mcp", auth=a_token("agent"), mode="auto") as client:
            # The client checks results against schemas that it lists first; afterwards nobody would answer that.
            assert TOOL in await tool_names(client)
            async with listen(client.session, tools_list_changed=True) as events:
                waiting = asyncio.create_task(call(client, TOOL, context={"customer_id": "CUST-1"}))
                await eventually(lambda: api.names("workflowruns"))
                process.terminate()
                async with asyncio.timeout(20):
                    # Raises when the stream is cut instead of ended.
                    async for _ in events:
                        pass
            (name,) = api.names("workflowruns")
            api.finish("shop", name, "in time")
            assert (await waiting)["output"] == "in time"
        async with asyncio.timeout(20):
            assert await process.wait() == 0


async def test_local_mode_is_never_a_server_for_others(tmp_path: Path):
    async with running({"PENSTOCK_HOME": str(tmp_path)}, "--http", "--local") as process:
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"local mode is for one person" in complaint
    assert b"Traceback" not in complaint


async def test_an_api_server_that_is_away_at_the_start_is_said_in_a_sentence(tmp_path: Path):
    async with reviewing() as gone:
        config = a_kubeconfig(gone, tmp_path)
    async with running({"KUBECONFIG": str(config)}, "--http", "--cluster") as process:
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in complaint


async def test_over_stdio_nothing_but_the_protocol_goes_to_stdout(tmp_path: Path):
    async with running({"PENSTOCK_HOME": str(tmp_path)}, "--local") as process:
        out, _ = await process.communicate(b"")
    assert process.returncode == 0
    assert out == b""
