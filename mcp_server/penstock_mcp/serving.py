"""Serving over stdio and HTTP. Over HTTP nothing is served without a token, and a stop lets calls end."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import uvicorn
from fastmcp import FastMCP
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from penstock.errors import BugError
from penstock_mcp.discovery import ENDPOINT, add_application_endpoints
from penstock_mcp.guarding.bodies import BODY_SECONDS
from penstock_mcp.guarding.buckets import Buckets, Rate
from penstock_mcp.guarding.door import MAX_AT_ONCE, Door, DoorRules
from penstock_mcp.guarding.figures import Figures
from penstock_mcp.guarding.patience import PatientProtocol
from penstock_mcp.guarding.scope_check import ToolScopes
from penstock_mcp.signin.credentials import CredentialVerifier

_CLOSING_SECONDS = 5.0
_GARBAGE_THRESHOLDS = (10_000, 20, 50)
_READ_BY_PAGES = ("WWW-Authenticate", "Retry-After")
"""Headers by which a client in a page learns where to sign in, and when to come back."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """Where and how HTTP is served."""

    host: str = "0.0.0.0"  # noqa: S104 - a pod is reached by its own address; what is answered is `allowed_hosts`
    port: int = 8080
    allowed_hosts: tuple[str, ...] = ()
    """Host headers that are answered, beside the loopback names and the address that was called."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of browser pages that may call."""
    grace: float = 55.0
    """Seconds that calls have to end when the server stops: more than one waits."""
    rate: Rate = Rate()  # noqa: RUF009 - it cannot be changed
    """How often one caller may ask."""
    max_at_once: int = MAX_AT_ONCE
    """Requests of one caller that may be open at once."""
    body_seconds: float = BODY_SECONDS
    """For a request to come in."""
    figures: Figures = field(default_factory=Figures)
    metrics_port: int = 0
    """Where the figures are served; 0: nowhere."""


async def serve_stdio(server: FastMCP) -> None:
    """Serve one client over stdin and stdout, until it hangs up. Nothing else may be printed to stdout."""
    await server.run_async(transport="stdio", show_banner=False)


def http_app(server: FastMCP, options: HttpOptions) -> ASGIApp:
    """The server as an ASGI application, without sessions, so that any replica answers any call."""
    if not isinstance(server.auth, CredentialVerifier):
        raise BugError("over HTTP every call needs a proved identity, and this server has no verifier")
    rules = DoorRules(
        resource=server.auth.resource,
        buckets=Buckets(options.rate, time.monotonic),
        scope_of_tool=ToolScopes(server).of,
        refused=options.figures.refused,
        freshness=server.auth.freshness,
        max_at_once=options.max_at_once,
        body_seconds=options.body_seconds,
    )
    app = server.http_app(
        path=ENDPOINT,
        stateless_http=True,
        host_origin_protection=True,
        allowed_hosts=list(options.allowed_hosts),
        allowed_origins=list(options.allowed_origins),
        middleware=[Middleware(Door, rules=rules)],
    )
    return _for_pages(add_application_endpoints(app), options.allowed_origins)


def _for_pages(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """Let pages of these origins read what is answered. They bring a token of their own."""
    if not origins:
        return app
    return CORSMiddleware(
        app, allow_origins=origins, allow_methods=("GET", "POST"), allow_headers=("*",), expose_headers=_READ_BY_PAGES
    )


async def serve_http(
    app: ASGIApp, options: HttpOptions, *, on_stop: Callable[[], None], sockets: list[socket.socket] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT; then take no new calls, call `on_stop`, and let running calls end."""
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(options.grace + _CLOSING_SECONDS),
    )
    async with _figures_served(options):
        await _Server(config, on_stop).serve(sockets)


@asynccontextmanager
async def _figures_served(options: HttpOptions) -> AsyncIterator[None]:
    """Serve the figures on a port of their own: what is reached from outside need not show them."""
    if not options.metrics_port:
        yield
        return
    config = uvicorn.Config(
        options.figures.app(), host=options.host, port=options.metrics_port, ws="none", lifespan="off", log_config=None
    )
    server = _FiguresServer(config)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _FiguresServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the other server's."""
        yield


class _Server(uvicorn.Server):
    """Says when it stops, before it waits for open answers: listeners would stay open for ever."""

    def __init__(self, config: uvicorn.Config, on_stop: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_stop = on_stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT, and return then: the stock server raises the signal anew when it is done."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and settle the memory: what is there by now stays, the Workflows too, and is looked through no more.

        Each call makes thousands of small objects that go with it. Looking for cycles among half a million others all
        the time costs a sixth of a call.
        """
        await super().startup(sockets)
        gc.set_threshold(*_GARBAGE_THRESHOLDS)
        gc.collect()
        gc.freeze()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, with the listeners ended first."""
        self._on_stop()
        await super().shutdown(sockets)
