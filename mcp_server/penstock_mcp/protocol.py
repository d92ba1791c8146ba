"""The only module that touches private API of FastMCP and the SDK: change news, pages, look-ups of tools and schemas.

Written against fastmcp 4.1.2 and mcp 2.3.0, which are pinned; the tests hold both protocol eras to it.
FastMCP 4.1 answers `subscriptions/listen` with "method not found" and tells no one of changes outside a request
(PrefectHQ/fastmcp#4920).
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from fastmcp import FastMCP
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool
from fastmcp.utilities.versions import VersionSpec
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ToolsListChanged
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    ListToolsResult,
    PaginatedRequestParams,
    SubscriptionFilter,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
)

from penstock.errors import InvalidInput
from penstock_mcp.paging import wanted_page

log = logging.getLogger(__name__)

MAX_LISTENERS = 1024


def use_schema_lookup(server: FastMCP, lookup: Callable[[str], Mapping[str, Any] | None]) -> None:
    """Tell the SDK where a tool's parameters are. Without it every call over HTTP lists all tools first.

    `lookup` must not raise; None means that no header is checked against the schema.
    """
    server._mcp_server.get_tool_input_schema = lookup  # noqa: SLF001 - what this module is for


class DirectServer(FastMCP):
    """Finds a tool where it is: the stock server asks every provider at once and looks through all that each has."""

    find: Callable[[str], Awaitable[Tool | None]] | None = None
    """Finds a tool by name, for the caller of this request; what it does not know is looked for as usual."""

    async def get_tool(self, name: str, version: VersionSpec | None = None) -> Tool | None:
        """The tool of this name for this caller, or None."""
        if self.find is not None and version is None and (found := await self.find(name)) is not None:
            return found
        return await super().get_tool(name, version)


def use_pages(server: FastMCP, size: int) -> None:
    """Answer `tools/list` page by page, `size` Workflows each. FastMCP's own pages are cut from a list made whole."""

    async def listed(ctx: ServerRequestContext[Any, Any], params: PaginatedRequestParams | None) -> ListToolsResult:
        try:
            with wanted_page(params.cursor if params else None, size) as page:
                result = await server._on_list_tools(ctx, None)  # noqa: SLF001 - what this module is for
        except InvalidInput as error:
            raise MCPError(INVALID_PARAMS, str(error)) from error
        # The fixed tools are on the first page.
        tools = [tool for tool in result.tools if not page.after or tool.name in page.names]
        return result.model_copy(update={"tools": tools, "next_cursor": page.cursor})

    server._mcp_server.add_request_handler(  # noqa: SLF001 - what this module is for
        "tools/list", PaginatedRequestParams, listed
    )


class ToolNews(Middleware):
    """Tells every client that the list of tools changed: open listeners (2026-07-28) and connections (before)."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._listeners = _ToolListeners(self._bus, max_subscriptions=MAX_LISTENERS)
        self._connections: dict[int, Connection] = {}

    def install(self, server: FastMCP) -> None:
        """Serve listeners of this server and remember its connections."""
        server.add_middleware(self)
        server._mcp_server.add_request_handler(  # noqa: SLF001 - what this module is for
            "subscriptions/listen", SubscriptionsListenRequestParams, self._listeners
        )

    async def on_initialize(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        """Remember the connection of a client of the handshake era until it ends."""
        result = await call_next(context)
        if context.fastmcp_context is not None:
            connection = context.fastmcp_context.session._connection  # noqa: SLF001 - what this module is for
            self._connections[id(connection)] = connection
            connection.exit_stack.callback(self._connections.pop, id(connection), None)
        return result

    async def tools_changed(self) -> None:
        """Tell everybody. A client that does not listen any more is not an error."""
        await self._bus.publish(ToolsListChanged())
        for connection in list(self._connections.values()):
            with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
                await connection.send_tool_list_changed()

    def close(self) -> None:
        """End all listeners as the protocol wants it, so that a server that stops does not have to cut them."""
        self._listeners.close()


class _ToolListeners(ListenHandler):
    """Listeners for the list of tools only: the stock handler takes any resource's address from any caller."""

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one listener."""
        wanted = SubscriptionFilter(tools_list_changed=params.notifications.tools_list_changed)
        return await super().__call__(ctx, params.model_copy(update={"notifications": wanted}))
