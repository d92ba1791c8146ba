"""Liveness and readiness over HTTP, for the kubelet."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web

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

    app = web.Application()
    app.router.add_get("/healthz", answer(alive))  # type: ignore[arg-type]  # aiohttp wants its own handler type
    app.router.add_get("/readyz", answer(ready))  # type: ignore[arg-type]  # the same
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
