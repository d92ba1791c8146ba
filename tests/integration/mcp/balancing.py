"""A balancer in front of replicas of the server: sends each connection to the next of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

from tests.support.mcp_client import Era


@dataclass
class Balancer:
    """A client of one request a connection meets the replicas in turn; one that is gone is passed over."""

    address: str
    replicas: list[str] = field(default_factory=list)
    """Origins, such as http://127.0.0.1:8080."""
    counts: list[int] = field(default_factory=list)
    """Connections that each replica got."""

    def add(self, *origins: str) -> None:
        self.replicas += origins
        self.counts += [0] * len(origins)

    def client(self, era: Era, token: str) -> Client[Any]:
        """A client whose every request is a connection of its own."""

        def each_alone(**options: Any) -> httpx2.AsyncClient:
            limits = httpx2.Limits(max_keepalive_connections=0)
            return httpx2.AsyncClient(**{**options, "limits": limits})

        transport = StreamableHttpTransport(f"{self.address}/mcp", auth=token, httpx_client_factory=each_alone)
        return Client(transport, mode=era)

    async def connect(self, turn: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The next replica that answers; None where none does."""
        for number in range(turn, turn + len(self.replicas)):
            chosen = number % len(self.replicas)
            host, _, port = self.replicas[chosen].removeprefix("http://").partition(":")
            with contextlib.suppress(OSError):
                found = await asyncio.open_connection(host, int(port))
                self.counts[chosen] += 1
                return found
        return None


@asynccontextmanager
async def balanced(*origins: str) -> AsyncIterator[Balancer]:
    """A balancer in front of these replicas; more can be added."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        balancer = Balancer(f"http://127.0.0.1:{listener.getsockname()[1]}")
        balancer.add(*origins)
        turn = itertools.count()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            upstream = await balancer.connect(next(turn))
            if upstream is None:
                writer.close()
                return
            await asyncio.gather(_pump(reader, upstream[1]), _pump(upstream[0], writer))

        server = await asyncio.start_server(serve, sock=listener)
        async with server:
            yield balancer


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()
