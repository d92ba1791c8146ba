"""A receiver of traces: OTLP over HTTP, protobuf decoded."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.eventually import eventually


@dataclass(frozen=True, slots=True)
class Received:
    """One span as it came."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    start: int
    """Nanoseconds since 1970."""
    end: int
    attributes: dict[str, Any]
    error: bool


@dataclass
class Receiver:
    """What came."""

    url: str = ""
    spans: list[Received] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """As they came, to look for what must not be in them."""
    answer: int = 200
    holds: asyncio.Event | None = None
    """Requests are answered once this is set; at once without one."""

    def named(self, name: str) -> Received:
        """The one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    async def until(self, *names: str) -> None:
        """Wait until there is a span of each of these names."""
        await eventually(
            lambda: {span.name for span in self.spans} >= set(names), seconds=20, what=f"spans {self.spans}"
        )

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.bodies.append(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)
        self.headers.append(dict(request.headers))
        if self.holds is not None:
            await self.holds.wait()
        if self.answer == 200:
            self.spans += spans_of(self.bodies[-1])
        return web.Response(status=self.answer)


def spans_of(body: bytes) -> list[Received]:
    """The spans of one request."""
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _attributes(resource.resource.attributes)["service.name"]
        for scope in resource.scope_spans:
            for span in scope.spans:
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                times = (span.start_time_unix_nano, span.end_time_unix_nano)
                found.append(
                    Received(service, span.name, *ids, *times, _attributes(span.attributes), span.status.code == 2)
                )
    return found


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on a port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/v1/traces", receiver._take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/v1/traces"
    try:
        yield receiver
    finally:
        if receiver.holds is not None:
            receiver.holds.set()
        await runner.cleanup()
