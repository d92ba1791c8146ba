"""Names, texts and schemas of all tools are an interface: a change shows here first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.mcp_client import Era, a_server, connected, own
from tests.support.memory_access import World, a_workflow

GOLDEN = Path(__file__).parents[2] / "golden" / "mcp_tools.json"


async def tool_list(era: Era) -> list[dict[str, Any]]:
    async with connected(a_server(own(World(a_workflow(tool={"title": "Process an order"})))), era) as client:
        return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in await client.list_tools()]


async def test_the_tools_are_as_they_were(era: Era, update_golden: bool):
    tools = await tool_list(era)
    if update_golden:
        GOLDEN.write_text(json.dumps(tools, indent=2, ensure_ascii=False) + "\n")
    assert tools == json.loads(GOLDEN.read_text()), "see tests/golden/README.md"


async def test_every_tool_says_what_it_does_and_what_it_takes(era: Era):
    for tool in await tool_list(era):
        assert tool["description"].strip()
        assert tool["inputSchema"]["type"] == "object"
        assert tool["outputSchema"]["type"] == "object"
        assert "readOnlyHint" in tool["annotations"]
        for name, parameter in tool["inputSchema"].get("properties", {}).items():
            assert parameter.get("description"), f"{tool['name']}({name})"


async def test_no_schema_needs_a_reference_to_be_followed(era: Era):
    assert "$ref" not in json.dumps(await tool_list(era))
