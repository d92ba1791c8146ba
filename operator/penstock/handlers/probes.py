"""Liveness and readiness over HTTP for the kubelet, figures for Prometheus."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

Check = Callable[[], str]
"""What is wrong, as a plain sentence; empty when nothing is."""


@contextlib.asynccontextmanager
async def probes(port: int, *, alive: Check, ready: Check, host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104 - the kubelet asks from outside the pod
    """Serve /healthz and /readyz; gives the port."""

    def answer(check: Check) -> Callable[[web.Request], object]:
        async def handle(_: web.Request) -> web.Response:
            wrong = check()
            return web.Response(text=wrong or "ok", status=503 if wrong else 200)

        return handle

    async with _served(port, host, {"/healthz": answer(alive), "/readyz": answer(ready)}) as found:
        yield found


@contextlib.asynccontextmanager
async def metrics(port: int, page: Callable[[], bytes], *, host: str = "0.0.0.0") -> AsyncIterator[int]:  # noqa: S104 - Prometheus asks from outside the pod
    """Serve /metrics; gives the port."""

    async def handle(_: web.Request) -> web.Response:
        return web.Response(body=page(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async with _served(port, host, {"/metrics": handle}) as found:
        yield found


@contextlib.asynccontextmanager
async def _served(port: int, host: str, routes: Mapping[str, Callable[[web.Request], object]]) -> AsyncIterator[int]:
    app = web.Application()
    for path, handle in routes.items():
        app.router.add_get(path, handle)  # type: ignore[arg-type]  # aiohttp wants its own handler type
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
