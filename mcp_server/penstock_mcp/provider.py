"""The `execute_<workflow>` tools: from the index of watched Workflows, filtered for each caller.

A provider that raises loses its tools without a word, so nothing here does: trouble with the API server leaves the
last state in place. https://gofastmcp.com/servers/providers
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastmcp import FastMCP
from fastmcp.exceptions import NotFoundError
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.server.providers import Provider
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.utilities.versions import VersionSpec
from mcp_types import CallToolRequestParams, ListToolsRequest

from penstock.errors import Forbidden, PenstockError
from penstock_mcp.backend import Backend
from penstock_mcp.catalogue import ToolCard
from penstock_mcp.execution import Execute, WorkflowTool, workflow_tool
from penstock_mcp.index import WorkflowIndex
from penstock_mcp.paging import on_this_page
from penstock_mcp.reach import Reach, endpoint_application
from penstock_mcp.tool_calls import ToolCalls

log = logging.getLogger(__name__)

_STALE = 256
"""Tools of Workflows that are gone are kept up to so many: looking through all with each new one would be felt."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the provider is, in seconds."""

    first_look: float = 5.0
    """The server starts serving after that even where the Workflows could not be read yet."""
    retry: float = 2.0
    """Before a watch that broke is begun again."""
    settle: float = 0.2
    """Changes that come within this are announced as one."""


class WorkflowProvider(Provider):
    """Serves the tools of all Workflows that the caller may run."""

    def __init__(self, index: WorkflowIndex, reach: Reach, execute: Execute) -> None:
        super().__init__()
        self._index = index
        self._reach = reach
        self._execute = execute
        self._tools: dict[str, WorkflowTool] = {}

    async def _list_tools(self) -> Sequence[Tool]:
        try:
            return [self._tool(card) for card in on_this_page(await self._reach.cards(endpoint_application()))]
        except PenstockError as error:
            # Forbidden is also the framework's own look at start-up, which has no caller.
            if not isinstance(error, Forbidden):
                log.warning("nobody can say now what a caller may run: %s", error)
            return []

    async def _get_tool(self, name: str, version: VersionSpec | None = None) -> Tool | None:
        return await self.find(name) if version is None else None

    async def find(self, name: str) -> WorkflowTool | None:
        """The tool of this name, if the caller of this request finds it."""
        try:
            card = await self._reach.card(name, endpoint_application())
        except Forbidden:
            return None
        except PenstockError:
            # The call goes to the API server as this caller and says itself that the trouble passes; "unknown tool"
            # would be untrue.
            card = self._index.get(name)
        return self._tool(card) if card is not None else None

    def _tool(self, card: ToolCard) -> WorkflowTool:
        known = self._tools.get(card.name)
        if known is None or known.card is not card:
            known = self._tools[card.name] = workflow_tool(card, self._execute)
            if len(self._tools) > len(self._index.share().cards) + _STALE:
                self._tools = {name: tool for name, tool in self._tools.items() if self._index.get(name) is tool.card}
        return known


class Watching:
    """Keeps the index true while the server serves, and announces what changed."""

    def __init__(
        self, backend: Backend, index: WorkflowIndex, announce: Callable[[], Awaitable[None]], pace: Pace
    ) -> None:
        self._backend = backend
        self._index = index
        self._announce = announce
        self._pace = pace

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch within this context; it is entered after the first look, within reason."""
        tasks = [asyncio.create_task(self._watch())]
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._index.synced.wait(), self._pace.first_look)
            # What was there before the first client is news to nobody: one that listens early would list in vain.
            self._index.changed.clear()
            tasks.append(asyncio.create_task(self._tell()))
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def lifespan(self, _server: FastMCP) -> AsyncIterator[dict[str, Any]]:
        """The same, as a server of FastMCP wants it."""
        async with self.running():
            yield {}

    async def _watch(self) -> None:
        while True:
            try:
                await self._backend.watch_workflows(self._index.replace)
            except Exception:
                log.exception("watching the Workflows broke; the last state is served")
            await asyncio.sleep(self._pace.retry)

    async def _tell(self) -> None:
        while True:
            await self._index.changed.wait()
            await asyncio.sleep(self._pace.settle)
            self._index.changed.clear()
            await self._announce()


class EndpointLists(ToolCalls):
    """Keeps tools that are about all Workflows away from the endpoints of single applications."""

    def __init__(self, hidden: Collection[str]) -> None:
        self._hidden = frozenset(hidden)

    async def on_list_tools(
        self, context: MiddlewareContext[ListToolsRequest], call_next: CallNext[ListToolsRequest, Sequence[Tool]]
    ) -> Sequence[Tool]:
        """The list, as it fits the endpoint."""
        tools = await call_next(context)
        return [tool for tool in tools if tool.name not in self._hidden] if endpoint_application() else tools

    async def on_call_tool(
        self, context: MiddlewareContext[CallToolRequestParams], call_next: CallNext[CallToolRequestParams, ToolResult]
    ) -> ToolResult:
        """Pass the call on, unless the tool is not there at this endpoint."""
        if context.message.name in self._hidden and endpoint_application():
            raise NotFoundError(f"Unknown tool: {context.message.name!r}")
        return await call_next(context)
