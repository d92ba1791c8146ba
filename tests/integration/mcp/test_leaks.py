"""No token, key or secret is in anything that the process says, however a session goes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastmcp import Client

from penstock.adapters.clock import SystemClock
from penstock.application.api_keys import RANDOM_BYTES, Wish, make_key, to_record
from tests.integration.mcp.reviewing_server import OWN_TOKEN, ReviewingServer, a_token, reviewing
from tests.integration.mcp.serving import HELLO, TOOL
from tests.integration.mcp.test_process import a_free_port, a_kubeconfig, running, until_ready
from tests.support.gates import GATE, a_gate
from tests.support.mcp_client import answer_of, call
from tests.support.memory_access import ORDER

CANARY = "canary-in-the-context"
CLIENT_SECRET = base64.b64encode(b"canary-of-a-client-" * 2).decode()


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.put("approvalrequests", a_gate("ann@example.com", "agent"))
        server.grants |= {("system:serviceaccount:shop:agent", "shop"), ("robot:ci", "shop")}
        yield server


async def session(url: str, good: list[str], bad: list[str]) -> None:
    """What clients do, well and badly."""
    for token in good:
        async with Client(f"{url}/mcp", auth=token) as client:
            await client.list_tools()
            await call(client, TOOL, context={"customer_id": "CUST-1"}, wait=False)
            await answer_of(client, TOOL, context={"customer_id": CANARY}, colour=CANARY)
            await answer_of(client, "no_such_tool", secret=CANARY)
            await call(client, "approve_workflow", request_id=GATE, comment=CANARY)
            await call(client, "get_run", run=CANARY)
    async with httpx2.AsyncClient() as client:
        for token in [*good, *bad]:
            await client.post(f"{url}/mcp?api_key={token}&access_token={token}", json=HELLO)
            await client.get(f"{url}/{token}")
            await client.post(f"{url}/mcp", json=HELLO, headers={"Authorization": f"Basic {token}"})
        for token in bad:
            refused = await client.post(f"{url}/mcp", json=HELLO, headers={"Authorization": f"Bearer {token}"})
            assert refused.status_code == 401
            assert token not in refused.text


async def test_no_credential_is_in_the_servers_log(api: ReviewingServer, tmp_path: Path):
    key, text = make_key(
        Wish("robot:ci", ("runs:write",), 30), random=bytes([7] * RANDOM_BYTES), now=SystemClock().now(), by="admin"
    )
    kept = {key.id: base64.b64encode(to_record(key)).decode()}
    api.put("secrets", {"metadata": {"name": "penstock-api-keys", "namespace": "penstock-system"}, "data": kept})
    secrets = tmp_path / "clients.yaml"
    secrets.write_text(f"console: [{{kid: k1, secret: {CLIENT_SECRET}}}]\n")
    port = a_free_port()
    environment = {
        "KUBECONFIG": str(a_kubeconfig(api, tmp_path)),
        "PENSTOCK_PORT": str(port),
        "PENSTOCK_MCP_API_KEYS_SECRET": "penstock-api-keys",
        "PENSTOCK_MCP_CLIENT_SECRETS_FILE": str(secrets),
        "PENSTOCK_MCP_URL": f"http://127.0.0.1:{port}/mcp",
        "PENSTOCK_MCP_OAUTH_ISSUER": "http://127.0.0.1:9",
        "PENSTOCK_METRICS_PORT": str(a_free_port()),
    }
    good = [a_token("agent"), text]
    bad = [a_token("forged"), f"{text[:-1]}{'A' if text[-1] != 'A' else 'B'}", "no-token-at-all-but-secret"]
    async with running(environment, "--http", "--cluster", "--host", "127.0.0.1") as process:
        assert process.stderr is not None
        # Read while it runs, or a full pipe would hold the server up.
        reading = asyncio.create_task(process.stderr.read())
        await until_ready(f"http://127.0.0.1:{port}")
        await session(f"http://127.0.0.1:{port}", good, bad)
        async with httpx2.AsyncClient() as client:
            figures = (await client.get(f"http://127.0.0.1:{environment['PENSTOCK_METRICS_PORT']}/metrics")).text
        process.terminate()
        log = (await asyncio.wait_for(reading, 30)).decode()
    assert f"client='apikey:{key.id}' tool={TOOL} outcome=running" in log
    for canary in (*good, *bad, text.rpartition("_")[2], key.sha256, OWN_TOKEN, CLIENT_SECRET, CANARY):
        assert canary not in log, f"{canary} is in:\n{log}"
        assert canary not in figures
    assert "penstock_mcp_calls_total" in figures
