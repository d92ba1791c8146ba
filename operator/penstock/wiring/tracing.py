"""Where a process sends its spans, if it does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from penstock.ports.traces import Spans
from penstock.settings import TracingSettings


@asynccontextmanager
async def spans_of(settings: TracingSettings, program: str, instance: str) -> AsyncIterator[Spans | None]:
    """Send spans while the block lasts; None where no endpoint is configured. Raises InvalidInput.

    `program` and `instance` say who tells.
    """
    if not settings.tracing_endpoint:
        yield None
        return
    # Only here: it costs memory and a thread that most installations do not need.
    from penstock.adapters.tracing import sending

    name = f"penstock-{program}"
    async with sending(settings.tracing_endpoint, settings.tracing_headers, name, instance) as spans:
        yield spans
