"""`python -m penstock_mcp`: reads the options and the environment, puts the server together, serves.

Over stdio (the default) it acts for the person who started it: in local mode, or with their own kubeconfig. With
--http it serves a cluster's callers, each under their own rights.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import socket
import sys
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from penstock.errors import NotPossible, PenstockError
from penstock.ports.traces import Spans
from penstock.settings import McpSettings
from penstock.wiring import default_namespace, open_access
from penstock.wiring.tracing import spans_of
from penstock_mcp.backend import OwnBackend
from penstock_mcp.cluster_server import Observers, cluster_server
from penstock_mcp.guarding.buckets import Rate
from penstock_mcp.guarding.figures import Figures
from penstock_mcp.identity import OwnIdentity
from penstock_mcp.protocol import ToolNews
from penstock_mcp.server import Options, create_server
from penstock_mcp.serving import HttpOptions, http_app, serve_http, serve_stdio
from penstock_mcp.traced_calls import Tracing

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the client hangs up or the process is told to stop; 0, or 1 after an error, told on stderr."""
    chosen = parser().parse_args(arguments)
    _log_to_stderr(as_json=chosen.http)
    try:
        asyncio.run(_serve(chosen))
    except PenstockError as error:
        log.error("%s %s", error, error.hint)  # noqa: TRY400 - whoever started it needs the sentence, not the stack
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


async def _serve(chosen: argparse.Namespace) -> None:
    settings = McpSettings(**overrides(chosen))
    if chosen.http:
        await _over_http(settings, chosen.host)
    else:
        await _over_stdio(settings)


async def _over_stdio(settings: McpSettings) -> None:
    async with open_access(settings, tell=log.info) as access, _spans(settings) as spans:
        backend = OwnBackend(access, default_namespace(settings))
        tracing = Tracing(spans, settings.tracing_share) if spans else None
        options = Options(wait_budget=settings.mcp_wait_budget, tracing=tracing)
        await serve_stdio(create_server(backend, OwnIdentity(), new_suffix=_new_suffix, options=options))


async def _over_http(settings: McpSettings, host: str) -> None:
    if settings.local:
        raise NotPossible("local mode is for one person on one machine", hint="Serve it over stdio: leave out --http.")
    # Only here: the command over stdio in local mode needs no Kubernetes client.
    from penstock.wiring.callers import ServedCluster
    from penstock.wiring.cluster import cluster_client

    async with cluster_client(settings) as client, _spans(settings) as spans:
        places = settings.watch_namespaces or ((settings.namespace,) if settings.namespace else ())
        news, figures = ToolNews(), Figures()
        cluster = ServedCluster(client, places)
        observers = Observers(figures, spans)
        server = await cluster_server(cluster, settings, new_suffix=_new_suffix, news=news, observers=observers)
        http = HttpOptions(
            host,
            settings.port,
            allowed_hosts=settings.mcp_allowed_hosts,
            allowed_origins=settings.mcp_allowed_origins,
            grace=settings.mcp_wait_budget,
            rate=Rate(settings.mcp_rate, settings.mcp_burst),
            figures=figures,
            metrics_port=settings.metrics_port,
        )
        await serve_http(http_app(server, http), http, on_stop=news.close)


def _spans(settings: McpSettings) -> AbstractAsyncContextManager[Spans | None]:
    return spans_of(settings, "mcp", socket.gethostname())


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(prog="penstock mcp", description="Serve Workflows to agents over MCP.")
    transport = made.add_mutually_exclusive_group()
    transport.add_argument("--stdio", action="store_true", help="stdin and stdout, for one client (the default)")
    transport.add_argument("--http", action="store_true", help="streamable HTTP, for a cluster's callers")
    place = made.add_mutually_exclusive_group()
    place.add_argument("--local", action="store_true", help="this machine, without a cluster")
    place.add_argument("--cluster", action="store_true", help="the cluster of your kubeconfig")
    made.add_argument("--kube-context", metavar="NAME", help="context of the kubeconfig; implies --cluster")
    made.add_argument("-n", "--namespace", metavar="NAME", help="serve this namespace only")
    made.add_argument("--host", default="0.0.0.0", help="address to serve HTTP on")  # noqa: S104 - a pod's own address
    made.add_argument("--port", type=int, metavar="N", help="port to serve HTTP on (PENSTOCK_PORT, 8080)")
    return made


def overrides(chosen: argparse.Namespace) -> dict[str, Any]:
    """The options that were given, as settings; they win over the environment."""
    given: dict[str, Any] = {}
    if chosen.local:
        given["mode"] = "local"
    elif chosen.cluster or chosen.kube_context is not None:
        given["mode"] = "cluster"
    for name in ("kube_context", "namespace", "port"):
        if getattr(chosen, name) is not None:
            given[name] = getattr(chosen, name)
    return given


def _log_to_stderr(*, as_json: bool) -> None:
    # Over stdio stdout belongs to the protocol; the framework's own coloured handler is made for a person's terminal.
    if as_json:
        from penstock.wiring.logs import log_to

        log_to(sys.stderr, "info")
    else:
        form = "%(asctime)s %(levelname)s %(name)s %(message)s"
        logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=form)
    logging.getLogger("fastmcp").handlers.clear()
    logging.getLogger("fastmcp").propagate = True
    # Without sessions the SDK says of every request of the handshake era that its session ended.
    logging.getLogger("mcp").setLevel(logging.WARNING)


def _new_suffix() -> str:
    return secrets.token_hex(4)


if __name__ == "__main__":
    sys.exit(main())
