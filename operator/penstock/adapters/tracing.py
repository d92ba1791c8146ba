"""Sends spans as OTLP over HTTP. The OpenTelemetry SDK is loaded here only, where an endpoint is configured.

A thread of the SDK's sends them, in batches; while nobody takes them they wait in a queue of a fixed length, whose
oldest are dropped. Nothing else ever waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from urllib.parse import unquote

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from penstock import __version__
from penstock.errors import InvalidInput
from penstock.ports.traces import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMEOUT = 5.0
"""Seconds for one request."""
_LEAVE = 2.0
"""Seconds that a process waits at its end for the last spans to be taken."""
_SCOPE = InstrumentationScope("penstock", __version__)

log = logging.getLogger(__name__)


class OtlpSpans:
    """Spans of ports.traces."""

    def __init__(self, endpoint: str, headers: str, service: str, instance: str, *, every: float = 1.0) -> None:
        """`headers` as `name=value,name=value`; `service` and `instance` say who tells; sends `every` so many seconds.

        Raises InvalidInput where an address or a header cannot be read.
        """
        if not endpoint.startswith(("http://", "https://")):
            raise InvalidInput(
                f"`{endpoint}` is no address that traces can be sent to",
                hint="PENSTOCK_TRACING_ENDPOINT is the whole URL, such as http://collector:4318/v1/traces.",
            )
        self._resource = Resource(
            {"service.name": service, "service.version": __version__, "service.instance.id": instance}
        )
        exporter = OTLPSpanExporter(endpoint, headers=parse_headers(headers), timeout=_TIMEOUT)
        self._sending = BatchSpanProcessor(exporter, schedule_delay_millis=every * 1000)

    def send(self, span: Span) -> None:
        """Have a span sent; never raises, never waits."""
        try:
            self._sending.on_end(self._readable(span))
        except Exception:
            log.exception("a span could not be told of")

    async def close(self) -> None:
        """Send what is left, for two seconds at most."""
        # A daemon: the interpreter would wait for any other thread, and a receiver may hang.
        thread = threading.Thread(target=self._sending.shutdown, daemon=True)
        thread.start()
        await asyncio.to_thread(thread.join, _LEAVE)
        if thread.is_alive():
            log.warning("the last spans were not taken in time")

    def _readable(self, span: Span) -> ReadableSpan:
        context = _context(span.trace_id, span.span_id)
        return ReadableSpan(
            span.name,
            context,
            _context(span.trace_id, span.parent_id) if span.parent_id else None,
            self._resource,
            {**span.attributes, **({"error.type": span.failed} if span.failed else {})},
            kind=SpanKind.SERVER if span.serves else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, span.failed) if span.failed else Status(StatusCode.UNSET),
            start_time=_nanoseconds(span.start),
            end_time=max(_nanoseconds(span.start), _nanoseconds(span.end)),
            instrumentation_scope=_SCOPE,
        )


@asynccontextmanager
async def sending(endpoint: str, headers: str, service: str, instance: str) -> AsyncIterator[OtlpSpans]:
    """Send spans while the block lasts."""
    spans = OtlpSpans(endpoint, headers, service, instance)
    try:
        yield spans
    finally:
        await spans.close()


def parse_headers(text: str) -> Mapping[str, str]:
    """Headers out of `name=value,name=value`, values percent-encoded. Raises InvalidInput, which repeats no value."""
    headers = {}
    for number, part in enumerate(filter(None, (part.strip() for part in text.split(","))), start=1):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise InvalidInput(
                f"header {number} for traces cannot be read",
                hint="Write PENSTOCK_TRACING_HEADERS as name=value,name=value.",
            )
        headers[name.strip()] = unquote(value.strip())
    return headers


def _context(trace_id: str, span_id: str) -> SpanContext:
    return SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def _nanoseconds(moment: datetime) -> int:
    since = moment - _EPOCH
    return (since.days * 86400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
