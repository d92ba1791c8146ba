"""What an agent in a pod does over MCP, for test_mcp_in_cluster: it says each answer as one line of JSON.

Runs in the MCP server's image, of which it uses the client library alone. Arguments: the server's URL, the era.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StreamableHttpTransport

URL, ERA = sys.argv[1:]
TOKENS = Path("/tokens")
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "agent", "version": "1"},
    },
}


def say(what: str, value: Any) -> None:
    """One line for the test to read."""
    print(json.dumps({"what": what, "value": value}), flush=True)


def status_with(token: str | None) -> int:
    """The HTTP status of an initialize with this token, or with none."""
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(URL, json.dumps(HELLO).encode(), headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


async def call(client: Client[Any], tool: str, **arguments: Any) -> Any:
    """The structured answer of a tool, an error's too."""
    answer = await client.call_tool(tool, arguments, raise_on_error=False)
    return answer.structured_content


async def work() -> None:
    """Find the tool, start a run, try to open its gate, wait for the end."""
    say("without a token", status_with(None))
    say("with a token for another audience", status_with((TOKENS / "other").read_text()))
    say("with a token that is none", status_with("made.up.token"))
    headers = {"Authorization": f"Bearer {(TOKENS / 'mcp').read_text()}"}
    async with Client(StreamableHttpTransport(URL, headers=headers), mode=ERA) as client:
        tools = await client.list_tools()
        names = [tool.name for tool in tools]
        say("tools", names)
        tool = next(name for name in names if name.endswith("order_processing"))
        wrong = {"customer_id": "CUST-1", "order_total": "many", "colour": "red", "items": [{"note": "x" * 10_001}]}
        say("wrong context", await call(client, tool, context=wrong))
        context = {"customer_id": "CUST-12345", "order_total": 899.99}
        started = await call(client, tool, context=context, timeout=120)
        say("started", started)
        request = started["approvals"][0]["request_id"]
        say("pending", await call(client, "list_pending_approvals", namespace=request.split("/")[0]))
        say("own vote", await call(client, "approve_workflow", request_id=request, comment="the customer is known"))
        answer = started
        while answer["status"] in ("waiting", "running"):
            answer = await call(client, "wait_for_run", run=started["run"], timeout=120)
        say("waited", answer)
        say("got", await call(client, "get_run", run=started["run"]))


asyncio.run(work())
