"""The cluster's server on a real port, with settings of a test's own, in front of the small API server."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import Any

import httpx2
import uvicorn
from fastmcp import Client

from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.credentials import Credentials
from penstock.ports.traces import Spans
from penstock.settings import McpSettings
from penstock.wiring.callers import ServedCluster
from penstock_mcp.cluster_server import Observers, cluster_server
from penstock_mcp.guarding.figures import Figures
from penstock_mcp.guarding.patience import PatientProtocol
from penstock_mcp.protocol import ToolNews
from penstock_mcp.serving import HttpOptions, http_app
from tests.integration.mcp.reviewing_server import OWN_TOKEN, ReviewingServer
from tests.support.eventually import eventually
from tests.support.mcp_client import Era

TOOL = "execute_shop__order_processing"
QUICK = ClientOptions(request=5.0, read_tries=2, first_wait=0.01, longest_wait=0.02)
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@dataclass
class Server:
    """A server that runs."""

    api: ReviewingServer
    origin: str
    figures: Figures

    @property
    def url(self) -> str:
        return f"{self.origin}/mcp"

    def client(self, auth: Any, era: Era, **options: Any) -> Client[Any]:
        return Client(self.url, auth=auth, mode=era, **options)

    async def post(
        self, body: Any, token: str | None = None, path: str = "/mcp", headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """One request as it is: `body` is JSON, or bytes."""
        everything = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
        everything |= {"Authorization": f"Bearer {token}"} if token is not None else {}
        raw = {"content": body} if isinstance(body, bytes) else {"json": body}
        async with httpx2.AsyncClient(timeout=30) as client:
            return await client.post(self.origin + path, **raw, headers={**everything, **(headers or {})})

    async def get(self, path: str) -> httpx2.Response:
        async with httpx2.AsyncClient() as client:
            return await client.get(self.origin + path)


def modern(method: str, name: str = "", **arguments: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Body and headers of one request of the version 2026-07-28."""
    version = "2026-07-28"
    meta = {
        "io.modelcontextprotocol/protocolVersion": version,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params: dict[str, Any] = {"_meta": meta}
    if name:
        params |= {"name": name, "arguments": arguments}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = {"MCP-Protocol-Version": version, "Mcp-Method": method, **({"Mcp-Name": name} if name else {})}
    return body, headers


@asynccontextmanager
async def server_of(
    api: ReviewingServer,
    options: HttpOptions | None = None,
    spans: Spans | None = None,
    new_suffix: Callable[[], str] = lambda: "n1",
    **settings: Any,
) -> AsyncIterator[Server]:
    """Serve with these settings; `mcp_url` is the real one unless they say another."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        chosen = McpSettings(**{"mode": "cluster", "mcp_url": f"{origin}/mcp", **settings})
        async with KubeClient.connect(Credentials.fixed(api.url, f"Bearer {OWN_TOKEN}"), QUICK) as kube:
            news, figures = ToolNews(), Figures()
            observers = Observers(figures, spans)
            made = await cluster_server(
                ServedCluster(kube), chosen, new_suffix=new_suffix, news=news, observers=observers
            )
            how = dataclasses.replace(options or HttpOptions(), figures=figures)
            async with _listening(http_app(made, how), listener):
                yield Server(api, origin, figures)
                news.close()


class Impatient(PatientProtocol):
    """The same with less patience, for tests that would else take as long."""

    head_seconds = 1.0


@asynccontextmanager
async def _listening(app: Any, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(app, http=Impatient, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    task = asyncio.create_task(server._serve([listener]))
    try:
        await eventually(lambda: server.started or task.done())
        yield
    finally:
        server.should_exit = True
        await task
