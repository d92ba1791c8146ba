"""`python -m tests.conformance.server`: our server over HTTP; with --asked-for, also what the suite asks for; with
--tasks, what its tasks scenarios do.

The suite sends no token, so each request gets one on its way in; all that comes after is what a cluster's callers meet.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Any

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.credentials import Credentials
from penstock.settings import McpSettings
from penstock.wiring.callers import ServedCluster
from penstock_mcp.cluster_server import cluster_server
from penstock_mcp.protocol import ToolNews
from penstock_mcp.serving import HttpOptions, http_app, serve_http
from tests.conformance import asked_for
from tests.conformance.asked_for_tasks import server_with_tasks
from tests.integration.mcp.reviewing_server import OWN_TOKEN, a_token, reviewing
from tests.support.memory_access import ORDER

AGENT = "system:serviceaccount:shop:agent"


class WithToken:
    """An application whose every request carries a caller's token."""

    def __init__(self, app: Any, token: str) -> None:
        self._app = app
        self._header = (b"authorization", f"Bearer {token}".encode())

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": [*scope["headers"], self._header]}
        await self._app(scope, receive, send)


async def main_of_tasks() -> None:
    """The same for the tasks scenarios, on a machine of one person."""
    server = server_with_tasks(lambda: "n1")
    app = server.http_app(path="/mcp", stateless_http=True, host_origin_protection=True)
    await _serve(app, lambda: None)


async def main(*, asked: bool) -> None:
    """Serve until SIGTERM; `asked`: also what the suite asks for. The first line of standard output is the address."""
    async with reviewing() as api:
        api.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        api.grants.add((AGENT, "shop"))
        async with KubeClient.connect(Credentials.fixed(api.url, f"Bearer {OWN_TOKEN}")) as kube:
            news = ToolNews()
            settings = McpSettings(mode="cluster")
            server = await cluster_server(ServedCluster(kube), settings, new_suffix=lambda: "n1", news=news)
            if asked:
                asked_for.add_all(server)
            await _serve(WithToken(http_app(server, HttpOptions()), a_token("agent")), news.close)


async def _serve(app: Any, on_stop: Callable[[], None]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
        await serve_http(app, HttpOptions(grace=1.0), on_stop=on_stop, sockets=[listener])


if __name__ == "__main__":
    asyncio.run(main_of_tasks() if "--tasks" in sys.argv else main(asked="--asked-for" in sys.argv))
