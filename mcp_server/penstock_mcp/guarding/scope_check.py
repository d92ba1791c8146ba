"""The scope of a call, checked where the call is carried out: the list of tools and the door are no guards of it."""

from __future__ import annotations

from collections.abc import Mapping

from fastmcp import FastMCP
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.tools.base import Tool, ToolResult
from mcp_types import CallToolRequestParams

from penstock.application.scopes import APPROVALS_DECIDE
from penstock.errors import Forbidden
from penstock_mcp.calls import Callers
from penstock_mcp.errors import error_shape
from penstock_mcp.guarding.needed_scope import scope_of_tool
from penstock_mcp.tool_calls import ToolCalls
from penstock_mcp.views import answer


class ToolScopes:
    """The scope of every tool of a server, by name."""

    def __init__(self, server: FastMCP) -> None:
        self._server = server
        self._tools: Mapping[str, Tool] | None = None

    async def of(self, name: str) -> str:
        """The scope that a call of this tool needs."""
        if self._tools is None:
            self._tools = {tool.name: tool for tool in await self._server.local_provider.list_tools()}
        return scope_of_tool(name, self._tools.get(name))


class ScopeCheck(ToolCalls):
    """Refuses calls whose token or key is not for that."""

    def __init__(self, callers: Callers, scopes: ToolScopes) -> None:
        self._callers = callers
        self._scopes = scopes

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Pass the call on, or say which scope is missing."""
        try:
            self._require(await self._scopes.of(context.message.name))
        except Forbidden as refused:
            return answer(error_shape(refused))
        return await call_next(context)

    def _require(self, needed: str) -> None:
        # Votes have more conditions, and words of their own for each: see deciding.require_person.
        if needed != APPROVALS_DECIDE and not self._callers.may(needed):
            raise Forbidden(f"this call needs the scope {needed}", hint="Use a token or key that has it.")
