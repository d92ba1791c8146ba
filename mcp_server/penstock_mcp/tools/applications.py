"""Tools for applications: find one, open it, see its tools, call one by its identifier."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.errors import NotFound
from penstock.ports.access import Actor
from penstock_mcp.applications import (
    application_of_session,
    applications,
    named,
    parse_uri,
    session_of,
    tool_line,
)
from penstock_mcp.calls import READS, Callers, fixed_tool
from penstock_mcp.discovery import application_address
from penstock_mcp.execution import Execution
from penstock_mcp.reach import Reach
from penstock_mcp.shapes import OBJECT, TEXT, WHOLE, fields, many, said
from penstock_mcp.views import answer

SessionId = Annotated[str, Field(max_length=256, description="The session, as open_application gave it.")]

_STARTS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)
_TOOL = fields(
    tool_id=said(TEXT, "Identifies the tool, for execute_tool."),
    name=said(TEXT, "Its name where it is listed as a tool of its own."),
    title=TEXT,
    description=TEXT,
    parameters=said(OBJECT, "JSON Schema of the arguments that execute_tool takes for it."),
)
_APPLICATION = fields(
    uri=said(TEXT, "For open_application."),
    title=TEXT,
    namespace=TEXT,
    visibility=said(TEXT, "public, or groups: shown to members of `groups` only."),
    groups=many(TEXT),
    tools=said(WHOLE, "How many tools you find in it."),
)


class ApplicationTools:
    """The tools for applications."""

    def __init__(self, callers: Callers, reach: Reach, execution: Execution) -> None:
        self._callers = callers
        self._reach = reach
        self._execution = execution

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        opened = fields(session_id=TEXT, uri=TEXT, title=TEXT, endpoint=TEXT, tools=many(_TOOL))
        return [
            fixed_tool(
                self.list_applications,
                "List applications",
                READS,
                fields(applications=many(_APPLICATION), user=TEXT, groups=many(TEXT)),
            ),
            fixed_tool(self.open_application, "Open an application", READS, opened),
            fixed_tool(self.discover_tools, "See the tools of an application", READS, fields(tools=many(_TOOL))),
            fixed_tool(self.execute_tool, "Call a tool of an application", _STARTS),
        ]

    async def list_applications(self) -> ToolResult:
        """List the applications that you can use: groups of Workflows that belong together.

        Use it first when there are many Workflows, or when the person names a product rather than a task. Gives each
        application's `uri`, title, visibility and number of tools, and who you are to this server. Next:
        open_application with a `uri`.
        """
        found = [application.line() for application in applications(await self._reach.cards())]
        caller = await self._caller()
        output = {"applications": found, "user": caller.user, "groups": sorted(caller.groups)}
        return answer({"status": "success", "output": output}, f"{len(found)} applications. Open one by its uri.")

    async def open_application(
        self, uri: Annotated[str, Field(max_length=512, description="As list_applications gives it.")]
    ) -> ToolResult:
        """Open an application: get your session with it, its own endpoint, and its tools with their parameters.

        Use it before execute_tool. Opening one again gives the same session; nothing has to be closed. Next:
        execute_tool with the `session_id` and a `tool_id`.
        """
        key, caller = parse_uri(uri), await self._caller()
        cards = await self._reach.cards(key)
        if not cards:
            raise NotFound(f"there is no application {key} for you", hint="See list_applications.")
        (opened,) = applications(cards)
        output: dict[str, Any] = {"session_id": session_of(key, caller), "uri": opened.uri, **application_address(key)}
        output |= {"title": opened.line()["title"], "tools": [tool_line(card) for card in cards]}
        return answer({"status": "success", "output": output}, f"Opened; {len(cards)} tools. Call execute_tool.")

    async def discover_tools(self, session_id: SessionId) -> ToolResult:
        """See the tools of an application that you opened: identifier, name, description, parameter schema.

        Use it when you lost what open_application said, or when the application may have changed since. Next:
        execute_tool.
        """
        cards = await self._reach.cards(application_of_session(session_id, await self._caller()))
        output = {"tools": [tool_line(card) for card in cards]}
        return answer({"status": "success", "output": output}, f"{len(cards)} tools. Call one with execute_tool.")

    async def execute_tool(
        self,
        session_id: SessionId,
        tool_id: Annotated[str, Field(max_length=317, description="As open_application and discover_tools give it.")],
        arguments: Annotated[
            dict[str, Any] | None, Field(description="What the tool's `parameters` ask for, such as `context`.")
        ] = None,
    ) -> ToolResult:
        """Call a tool of an application that you opened: start a run of its Workflow and wait for what it comes to.

        Use it where the application's tools are not listed as tools of their own. Gives the same answers as the tool
        itself. Next: wait_for_run or get_run while the run goes on.
        """
        application = application_of_session(session_id, await self._caller())
        card = named(await self._reach.cards(application), tool_id)
        return await self._execution.execute(card, arguments or {})

    async def _caller(self) -> Actor:
        return await self._callers.access().caller.whoami()
