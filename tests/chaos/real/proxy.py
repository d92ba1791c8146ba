"""A proxy between operators and the API server that meets their requests with the faults of a schedule.

One port a replica, by which it is known who asks. What a fault says is carried out late is, whoever has died meanwhile.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from tests.chaos.faults import Fault, Kind
from tests.chaos.real.api import Way
from tests.chaos.refusing import REFUSALS, UNCOUNTED, hang_up, refusal, status

_HOP_BY_HOP = ("host", "connection", "transfer-encoding", "content-length", "keep-alive")
_LISTENING = 1.0
"""Seconds between two looks whether whoever listens to a stream is still there."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """An answer of the API server, whole."""

    status: int
    headers: CIMultiDict[str]
    body: bytes


class FaultyProxy:
    """The proxy of one play."""

    def __init__(self, way: Way, faults: Iterable[Fault]) -> None:
        self._way = way
        self._schedule = {fault.at: fault for fault in faults}
        self.injected: Counter[Kind] = Counter()
        self.met = 0
        """Requests so far that a fault could have met."""
        self.late = set[str]()
        """UIDs of what was made by a request that was long under way."""
        self.kill: Callable[[str], None] = lambda _: None
        """Ends the replica of this name at once."""
        self.stop: Callable[[str, float], None] = lambda _, __: None
        """Stops the replica of this name for so many seconds."""
        self._streams = dict[asyncio.Transport, tuple[str, str]]()
        """Who listens, to what."""
        self._forgotten = set[tuple[str, str]]()
        """Watches that are told once that their history is gone."""

    @property
    def faults_left(self) -> int:
        """How many are still to come."""
        return len(self._schedule)

    def spare(self) -> None:
        """No more faults."""
        self._schedule.clear()

    @asynccontextmanager
    async def serving(self, replica: str) -> AsyncIterator[str]:
        """The address for one replica."""

        async def answer(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(request, replica)

        # What a request asks for is passed on as it came, whatever became of its sender.
        runner = web.ServerRunner(web.Server(answer, access_log=None), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            port = runner.addresses[0][1]
            yield f"http://127.0.0.1:{port}"
        finally:
            await runner.cleanup()

    # What goes wrong.

    async def _handle(self, request: web.BaseRequest, replica: str) -> web.StreamResponse:
        await request.read()
        if any(part in request.path for part in UNCOUNTED):
            return await self._pass_on(request, replica)
        self.met += 1
        fault = self._schedule.pop(self.met, None)
        if fault is None:
            return await self._pass_on(request, replica)
        self.injected[fault.kind] += 1
        return await self._meet(request, replica, fault)

    async def _meet(self, request: web.BaseRequest, replica: str, fault: Fault) -> web.StreamResponse:
        kind = fault.kind
        if kind in REFUSALS:
            return refusal(kind, request.method)
        if kind is Kind.KILLED_BEFORE:
            self.kill(replica)
        if kind in (Kind.DROPPED, Kind.KILLED_BEFORE):
            return hang_up(request)
        if kind is Kind.DELAYED:
            await asyncio.sleep(fault.seconds)
        if kind in (Kind.CUT, Kind.FORGOTTEN):
            self._cut_streams(forget=kind is Kind.FORGOTTEN)
        if kind is Kind.STOPPED:
            self.stop(replica, fault.seconds)
        if kind is Kind.KILLED_AFTER and _streamed(request):
            self.kill(replica)
            return hang_up(request)
        if _streamed(request):
            return await self._pass_on(request, replica)
        return await self._carry_out(request, replica, fault)

    async def _carry_out(self, request: web.BaseRequest, replica: str, fault: Fault) -> web.StreamResponse:
        kind = fault.kind
        sent = await self._send(request)
        if kind is Kind.DELAYED and sent.status == 201:
            self.late.add(json.loads(sent.body)["metadata"].get("uid", ""))
        if kind is Kind.TWICE:
            await self._send(request)
        if kind is Kind.KILLED_AFTER:
            self.kill(replica)
        if kind in (Kind.LOST_ANSWER, Kind.KILLED_AFTER):
            return hang_up(request)
        if kind is Kind.LATE_ANSWER:
            await asyncio.sleep(fault.seconds)
        return status(500) if kind is Kind.FAILED_AFTER else _answer(sent)

    def _cut_streams(self, *, forget: bool) -> None:
        for transport, whose in tuple(self._streams.items()):
            if forget:
                self._forgotten.add(whose)
            transport.abort()

    # What goes through.

    async def _pass_on(self, request: web.BaseRequest, replica: str) -> web.StreamResponse:
        if not _streamed(request):
            return _answer(await self._send(request))
        whose = (replica, request.path)
        if whose in self._forgotten and request.query.get("resourceVersion", "0") != "0":
            self._forgotten.discard(whose)
            return status(410)
        return await self._stream(request, whose)

    async def _send(self, request: web.BaseRequest) -> _Sent:
        try:
            async with self._asked(request) as found:
                return _Sent(found.status, _kept(found.headers), await found.read())
        except aiohttp.ClientError as error:
            return _Sent(502, CIMultiDict({"Content-Type": "text/plain"}), str(error).encode())

    async def _stream(self, request: web.BaseRequest, whose: tuple[str, str]) -> web.StreamResponse:
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            raise asyncio.CancelledError
        async with self._asked(request) as found:
            response = web.StreamResponse(status=found.status, headers=_kept(found.headers))
            self._streams[transport] = whose
            try:
                with suppress(ConnectionError, aiohttp.ClientError):
                    await response.prepare(request)
                    await _pour(found, response, transport)
            finally:
                self._streams.pop(transport, None)
            if not transport.is_closing():
                with suppress(ConnectionError):
                    await response.write_eof()
            return response

    @asynccontextmanager
    async def _asked(self, request: web.BaseRequest) -> AsyncIterator[aiohttp.ClientResponse]:
        async with self._way.session.request(
            request.method,
            URL(self._way.server + request.raw_path, encoded=True),
            headers=_kept(request.headers),
            data=await request.read() or None,
            ssl=self._way.trust,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
        ) as found:
            yield found


async def _pour(found: aiohttp.ClientResponse, response: web.StreamResponse, transport: asyncio.Transport) -> None:
    while not transport.is_closing():
        try:
            chunk = await asyncio.wait_for(found.content.readany(), _LISTENING)
        except TimeoutError:
            continue
        if not chunk:
            return
        await response.write(chunk)


def _streamed(request: web.BaseRequest) -> bool:
    return request.query.get("watch") in ("true", "1", "True") or request.query.get("follow") in ("true", "1", "True")


def _kept(headers: Any) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def _answer(sent: _Sent) -> web.Response:
    return web.Response(status=sent.status, headers=sent.headers, body=sent.body)
