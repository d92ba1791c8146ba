"""The base of what stands in the way of calls of tools."""

from __future__ import annotations

from typing import Any

from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp_types import CallToolRequestParams


class ToolCalls(Middleware):
    """A layer around calls: the stock way there builds three more wrappers for each layer and each call."""

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Straight to `on_call_tool` for a call; everything else as usual, what only claims to be a call too."""
        if isinstance(context.message, CallToolRequestParams):
            return await self.on_call_tool(context, call_next)
        return await super().__call__(context, call_next)
