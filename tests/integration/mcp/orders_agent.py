"""What the tests of replicas share: a Workflow, an agent that may run it, and that agent's requests about tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.integration.mcp.reviewing_server import ReviewingServer, a_token, reviewing
from tests.integration.mcp.serving import modern
from tests.support.memory_access import ORDER

CONTEXT = {"customer_id": "CUST-1"}
_AGENT = "system:serviceaccount:shop:agent"
_TASKS = "io.modelcontextprotocol/tasks"


@asynccontextmanager
async def orders() -> AsyncIterator[ReviewingServer]:
    """An API server with the Workflow, which the agent may run."""
    async with reviewing() as server:
        labels = {"app.kubernetes.io/part-of": "sales"}
        metadata = {"name": "order-processing", "namespace": "shop", "labels": labels}
        server.put("workflows", {"metadata": metadata, "spec": ORDER})
        server.grants.add((_AGENT, "shop"))
        yield server


async def task_of(origin: str, method: str, about: str, **params: Any) -> dict[str, Any]:
    """The answer to one request of a client that speaks tasks."""
    body, headers = modern(method)
    body["params"] |= params
    body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"extensions": {_TASKS: {}}}
    sent = {
        **headers,
        "Mcp-Name": about,
        "Accept": "application/json, text/event-stream",
        "Authorization": f"Bearer {a_token('agent')}",
    }
    # A connection for each request, so that behind a balancer each meets the other replica.
    async with httpx2.AsyncClient(timeout=30) as client:
        answer: dict[str, Any] = (await client.post(f"{origin}/mcp", json=body, headers=sent)).json()
    result: dict[str, Any] = answer["result"]
    return result
