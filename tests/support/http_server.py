"""An application on a real port of this machine."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn

from tests.support.cluster import wait_for
from tests.support.eventually import eventually


@asynccontextmanager
async def listening(app: Any) -> AsyncIterator[str]:
    """Its address, while it is served."""
    sock, server = _made(app, "127.0.0.1")
    task = asyncio.create_task(server._serve([sock]))
    try:
        await eventually(lambda: server.started or task.done())
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        sock.close()


@contextmanager
def listening_beside(app: Any, host: str) -> Iterator[str]:
    """The same for tests that wait for programs: served by a thread, at an address that others may reach too."""
    sock, server = _made(app, host)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive(), seconds=30, what="the application listens")
        yield f"http://{host}:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        sock.close()


def _made(app: Any, host: str) -> tuple[socket.socket, uvicorn.Server]:
    sock = socket.socket()
    sock.bind((host, 0))
    config = uvicorn.Config(app, http="h11", log_config=None, ws="none", timeout_graceful_shutdown=1)
    return sock, uvicorn.Server(config)
