"""The faulty proxy: what each fault does to a request, to whoever sent it, and to the server behind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.chaos.faults import Fault, Kind
from tests.chaos.real.api import Way
from tests.chaos.real.proxy import FaultyProxy
from tests.support.eventually import eventually


@dataclass
class Behind:
    """The server behind the proxy: it remembers what it was asked, and one of its paths never ends."""

    asked: list[str] = field(default_factory=list)
    going: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append(f"{request.method} {request.raw_path} {body}".strip())
        if "watch" not in request.query:
            return web.json_response({"metadata": {"uid": f"uid-{len(self.asked)}"}}, status=201)
        stream = web.StreamResponse()
        await stream.prepare(request)
        await stream.write(b'{"type":"ADDED"}\n')
        await self.going.wait()
        return stream


@dataclass
class Stage:
    behind: Behind
    proxy: FaultyProxy
    session: aiohttp.ClientSession
    url: str
    killed: list[str] = field(default_factory=list)

    async def post(self) -> int:
        async with self.session.post(URL(f"{self.url}/apis/jobs?a=%2F", encoded=True), data="job") as answer:
            return answer.status


@asynccontextmanager
async def staged(*faults: Fault) -> AsyncIterator[Stage]:
    behind = Behind()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", behind.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    trust = ssl.create_default_context()
    try:
        async with _through(behind, f"http://127.0.0.1:{runner.addresses[0][1]}", trust, faults) as stage:
            yield stage
    finally:
        behind.going.set()
        await runner.cleanup()


@asynccontextmanager
async def _through(
    behind: Behind, server: str, trust: ssl.SSLContext, faults: tuple[Fault, ...]
) -> AsyncIterator[Stage]:
    async with aiohttp.ClientSession() as through, aiohttp.ClientSession() as session:
        way = Way(server, through, trust, trust)
        proxy = FaultyProxy(way, faults)
        async with proxy.serving("one") as url:
            stage = Stage(behind, proxy, session, url)
            proxy.kill = stage.killed.append
            proxy.stop = lambda name, seconds: stage.killed.append(f"{name} for {seconds:g} s")
            yield stage


async def test_what_no_fault_meets_goes_through_as_it_came():
    async with staged() as stage:
        assert await stage.post() == 201
        assert stage.behind.asked == ["POST /apis/jobs?a=%2F job"]


@pytest.mark.parametrize("code", [409, 429, 500, 503])
async def test_a_refusal_never_arrives(code: int):
    async with staged(Fault(1, Kind(str(code)))) as stage:
        assert [await stage.post(), await stage.post()] == [code, 201]
        assert len(stage.behind.asked) == 1
        assert stage.proxy.injected == {Kind(str(code)): 1}


@pytest.mark.parametrize(
    ("kind", "arrives", "killed"),
    [
        (Kind.DROPPED, 0, []),
        (Kind.LOST_ANSWER, 1, []),
        (Kind.KILLED_BEFORE, 0, ["one"]),
        (Kind.KILLED_AFTER, 1, ["one"]),
    ],
)
async def test_a_connection_breaks_before_or_after(kind: Kind, arrives: int, killed: list[str]):
    async with staged(Fault(1, kind)) as stage:
        with pytest.raises(aiohttp.ClientError):
            await stage.post()
        await eventually(lambda: len(stage.behind.asked) == arrives)
        assert stage.killed == killed


async def test_an_error_after_the_commit():
    async with staged(Fault(1, Kind.FAILED_AFTER)) as stage:
        assert await stage.post() == 500
        assert len(stage.behind.asked) == 1


async def test_a_request_arrives_twice():
    async with staged(Fault(1, Kind.TWICE)) as stage:
        assert await stage.post() == 201
        assert len(stage.behind.asked) == 2


async def test_a_late_request_is_carried_out_although_nobody_waits_for_it():
    async with staged(Fault(1, Kind.DELAYED, 0.3)) as stage:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(stage.post(), 0.05)
        assert stage.behind.asked == []
        await eventually(lambda: len(stage.behind.asked) == 1)
        await eventually(lambda: stage.proxy.late == {"uid-1"})


async def test_whoever_asks_is_stopped_and_the_request_is_carried_out():
    async with staged(Fault(1, Kind.STOPPED, 7.0)) as stage:
        assert await stage.post() == 201
        assert stage.killed == ["one for 7 s"]


@pytest.mark.parametrize(("kind", "then"), [(Kind.CUT, 200), (Kind.FORGOTTEN, 410)])
async def test_streams_break_off(kind: Kind, then: int):
    async with staged(Fault(2, kind)) as stage:
        watch = f"{stage.url}/apis/jobs?watch=true&resourceVersion=7"
        async with stage.session.get(watch) as stream:
            assert await stream.content.readline() == b'{"type":"ADDED"}\n'
            assert await stage.post() == 201
            with pytest.raises(aiohttp.ClientError):
                await stream.content.readline()
        async with stage.session.get(watch) as again:
            assert again.status == then
        async with stage.session.get(watch) as once_more:
            assert once_more.status == 200


async def test_leases_and_events_are_not_counted():
    async with staged(Fault(1, Kind.REFUSED_500)) as stage:
        async with stage.session.put(f"{stage.url}/apis/coordination.k8s.io/v1/namespaces/a/leases/b") as answer:
            assert answer.status == 201
        assert await stage.post() == 500
