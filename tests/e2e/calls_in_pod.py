"""An agent in a pod that makes the calls that it is given, for test_words_over_mcp: each answer is one line of JSON.

Runs in the MCP server's image, of which it uses the client library alone. Arguments: the server's URL, and the calls as
JSON: [[tool, {arguments}], …]. A call that answers `running` or `timeout` is made again, by run or by session.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

URL, CALLS = sys.argv[1:]
HEADERS = {"Authorization": f"Bearer {Path('/tokens/mcp').read_text()}"}
ON_THE_WAY = ("running", "timeout")


async def answered(client: Client[Any], tool: str, arguments: dict[str, Any]) -> Any:
    """The structured answer of a tool, an error's too, however long it takes."""
    while True:
        found = (await client.call_tool(tool, arguments, raise_on_error=False)).structured_content
        if found is None or found["status"] not in ON_THE_WAY:
            return found
        if tool == "ask_analyst":
            arguments = {**arguments, "session_id": found["output"]["session_id"]}
        else:
            tool, arguments = "run_plan", {"run": found["run"]}


async def work() -> None:
    """One call after the other."""
    async with Client(StreamableHttpTransport(URL, headers=HEADERS)) as client:
        for tool, arguments in json.loads(CALLS):
            print(json.dumps({"what": tool, "value": await answered(client, tool, arguments)}), flush=True)


asyncio.run(work())
