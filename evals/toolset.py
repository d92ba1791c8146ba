"""The tools of an MCP server for an agent; the list is read anew before each turn, as it may change."""

from __future__ import annotations

import json
from typing import Any

from fastmcp import Client
from pydantic_ai import RunContext, ToolDefinition
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
from pydantic_core import SchemaValidator, core_schema

from evals.task import Call

_ANY = SchemaValidator(core_schema.any_schema())
"""The server judges arguments: how it words what is wrong is a part of what is evaluated."""


class Tools(AbstractToolset[None]):
    """Keeps what was called, and what came of it."""

    def __init__(self, client: Client[Any]) -> None:
        self._client = client
        self.calls: list[Call] = []
        self.answers: list[dict[str, Any]] = []

    @property
    def id(self) -> str:
        """Its name among an agent's toolsets."""
        return "penstock"

    async def get_tools(self, ctx: RunContext[None]) -> dict[str, ToolsetTool[None]]:
        """The tools as the server lists them now."""
        del ctx
        tools = await self._client.list_tools()
        return {
            tool.name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=tool.name, description=tool.description, parameters_json_schema=dict(tool.input_schema)
                ),
                max_retries=0,
                args_validator=_ANY,
            )
            for tool in tools
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[None], tool: ToolsetTool[None]
    ) -> Any:
        """Call it; the answer as the server gives it to models: structured, or its text."""
        del ctx, tool
        answer = await self._client.call_tool(name, tool_args, raise_on_error=False)
        text = "\n".join(getattr(part, "text", "") for part in answer.content)
        content = answer.structured_content or _parsed(text)
        self.calls.append(Call(name, tool_args))
        self.answers.append(content)
        return content


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {"text": text}
    return value if isinstance(value, dict) else {"value": value}
