"""Every call of a tool leaves a line in the log and a figure: who, through which client, which tool, how it ended.

Arguments and answers are others' business and are never logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.tools.base import InputRequiredToolResult, ToolResult
from mcp_types import CallToolRequestParams

from penstock.errors import Forbidden
from penstock_mcp.guarding.figures import Figures
from penstock_mcp.identity import Identities
from penstock_mcp.text import one_line
from penstock_mcp.tool_calls import ToolCalls

log = logging.getLogger("penstock_mcp.calls")

UNKNOWN = "unknown"
"""Stands for names of tools that nobody made: a caller may invent as many as they like."""
WORKFLOW_PREFIX = "execute_"


class CallRecord(ToolCalls):
    """Records calls."""

    def __init__(self, identities: Identities, figures: Figures, clock: Callable[[], float]) -> None:
        self._identities = identities
        self._figures = figures
        self._clock = clock

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Pass the call on and record how it ended."""
        tool, began, outcome = context.message.name, self._clock(), "cut_off"
        try:
            result = await call_next(context)
            outcome = outcome_of(result)
            return result
        except NotFoundError:
            tool, outcome = UNKNOWN, "unknown_tool"
            raise
        except Exception:
            outcome = "BUG"
            raise
        finally:
            seconds = self._clock() - began
            self._figures.called(tool, outcome, seconds, workflow=tool.startswith(WORKFLOW_PREFIX))
            log.info("%s tool=%s outcome=%s seconds=%.3f", self._who(), tool, outcome, seconds)

    def _who(self) -> str:
        try:
            actor = self._identities.current()
        except Forbidden:
            return "user=(none that may call)"
        if actor is None:
            return "user=(own)"
        return f"user={one_line(actor.user, 253)!r} client={one_line(actor.client, 253)!r}"


def outcome_of(result: object) -> str:
    """The answer's status; of an error its code."""
    if not isinstance(result, ToolResult):
        # The call goes on as a task of the protocol.
        return "task"
    if isinstance(result, InputRequiredToolResult):
        return "input_required"
    shape = result.structured_content or {}
    status = str(shape.get("status", "error" if result.is_error else "success"))
    return str(shape.get("error", status)) if status == "error" else status
