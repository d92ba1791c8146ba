"""Every call of a tool as a span: of the trace that the client names, or of one of its own.

Clients name theirs in `_meta.traceparent` of the request (which the framework reads) or in the header `traceparent`.
The runs that a call asks for hang on its span. Arguments and answers are in no span.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from fastmcp.exceptions import NotFoundError
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.tools.base import ToolResult
from mcp_types import CallToolRequestParams
from opentelemetry.trace import get_current_span

from penstock.application.trace_context import TraceContext, new_trace, parse
from penstock.ports.traces import Span, Spans
from penstock_mcp.guarding.call_record import UNKNOWN, outcome_of
from penstock_mcp.tool_calls import ToolCalls

_CALLING: ContextVar[str] = ContextVar("penstock_traceparent", default="")
_REFUSED = "refused"


def calling() -> str:
    """The `traceparent` of the call that is being answered; empty where nobody traces it."""
    return _CALLING.get()


@dataclass(frozen=True, slots=True)
class Tracing:
    """Where spans of calls go."""

    spans: Spans
    share: float = 1.0
    """How many calls are recorded of those that nobody traces already, 0 to 1."""


class TracedCalls(ToolCalls):
    """Tells of calls; without `tracing` it only hands on the trace that a client names."""

    def __init__(self, tracing: Tracing | None, now: Callable[[], datetime]) -> None:
        self._tracing = tracing
        self._now = now

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Pass the call on within its span."""
        named = _named()
        if self._tracing is None:
            return await _within(str(named or ""), context, call_next)
        top = named or new_trace(secrets.token_hex(16), self._tracing.share)
        own = TraceContext(top.trace_id, secrets.token_hex(8), top.sampled)
        if not own.sampled:
            return await _within(str(own), context, call_next)
        tool, outcome, begun = context.message.name, _REFUSED, self._now()
        try:
            result = await _within(str(own), context, call_next)
            outcome = outcome_of(result)
            return result
        except NotFoundError:
            # A name that the caller made up may hold anything.
            tool = UNKNOWN
            raise
        finally:
            self._tracing.spans.send(_span(own, top.span_id, tool, outcome, (begun, self._now())))


async def _within(
    traceparent: str,
    context: MiddlewareContext[CallToolRequestParams],
    call_next: CallNext[CallToolRequestParams, ToolResult],
) -> ToolResult:
    token = _CALLING.set(traceparent)
    try:
        return await call_next(context)
    finally:
        _CALLING.reset(token)


def _named() -> TraceContext | None:
    """The span that the client calls in, if it says so."""
    current = get_current_span().get_span_context()
    if current.is_valid:
        return TraceContext(f"{current.trace_id:032x}", f"{current.span_id:016x}", current.trace_flags.sampled)
    try:
        return parse(get_http_request().headers.get("traceparent", ""))
    except RuntimeError:
        # Over stdio there are no headers.
        return None


def _span(own: TraceContext, parent: str, tool: str, outcome: str, took: tuple[datetime, datetime]) -> Span:
    attributes = {"mcp.method.name": "tools/call", "gen_ai.tool.name": tool, "penstock.outcome": outcome}
    failed = outcome if outcome == _REFUSED or outcome.isupper() else ""
    return Span(
        f"tools/call {tool}", own.trace_id, own.span_id, parent, took[0], took[1], attributes, failed, serves=True
    )
