"""Enforced at the call and not only at the listing: every tool, for wrong tokens and for people who may not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from penstock.application.scopes import APPROVALS_DECIDE, RUNS_READ, RUNS_WRITE
from penstock_mcp.guarding.needed_scope import DECIDING
from tests.integration.mcp.reviewing_server import ReviewingServer, a_token, reviewing
from tests.integration.mcp.serving import TOOL, Server, server_of
from tests.support.mcp_client import ANN, Era, Switchable, a_server, answer_of, call, connected, own, shared
from tests.support.memory_access import ORDER, World, a_workflow

CATALOGUE = frozenset(
    {"list_applications", "open_application", "discover_tools", "execute_tool", "list_runtimes", "reload_tools"}
)
"""Tools that tell what the list of tools tells; what they start is a Workflow's own tool."""
CONTEXT = {"customer_id": "CUST-1"}
AGENT = "system:serviceaccount:shop:agent"
FAKES = {"boolean": True, "integer": 1, "number": 1, "array": [], "object": {}, "null": None}


def arguments_for(tool: Any) -> dict[str, Any]:
    """Something for every argument that the tool asks for."""
    schema = tool.input_schema
    # A script is the one thing that may be given in two ways, so neither is required.
    wanted = [*schema.get("required", ()), *({"script_content"} & set(schema.get("properties", ())))]
    return {name: _some(name, schema["properties"][name]) for name in wanted}


def _some(name: str, schema: dict[str, Any]) -> Any:
    if name == "name":
        return "order-1"
    if name == "context":
        return CONTEXT
    if "enum" in schema:
        return schema["enum"][0]
    return FAKES.get(schema.get("type", "string"), "shop/order-1")


async def test_every_tool_needs_the_scope_that_fits_what_it_does(era: Era):
    """A tool that says that it only reads is there for whoever may read; all others need more."""
    world = World(a_workflow())
    someone = Switchable(ANN)
    async with connected(a_server(shared(world), someone), era) as client:
        tools = await client.list_tools()
        assert len(tools) > 5
        for tool in tools:
            reads = bool(tool.annotations and tool.annotations.read_only_hint) and not tool.name.startswith("execute_")
            needed = APPROVALS_DECIDE if tool.name in DECIDING else RUNS_READ if reads else RUNS_WRITE
            someone.scopes = {RUNS_READ, RUNS_WRITE, APPROVALS_DECIDE} - {needed}
            answer = await call(client, tool.name, **arguments_for(tool))
            assert answer["error"] == "FORBIDDEN", tool.name
            assert needed in answer["message"], tool.name
    assert world.runs == {}


async def test_what_an_author_says_of_a_workflow_gives_nobody_a_right(era: Era):
    harmless = a_workflow(tool={"annotations": {"readOnly": True, "destructive": False}})
    someone = Switchable(ANN)
    someone.scopes = {RUNS_READ}
    world = World(harmless)
    async with connected(a_server(shared(world), someone), era) as client:
        assert (await call(client, TOOL, context=CONTEXT))["error"] == "FORBIDDEN"
    assert world.runs == {}


async def test_the_person_of_a_process_needs_no_scopes(era: Era):
    async with connected(a_server(own(World(a_workflow()))), era) as client:
        assert (await call(client, "list_runs"))["status"] == "success"


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants.add((AGENT, "shop"))
        yield server


@pytest.fixture
async def server(api: ReviewingServer) -> AsyncIterator[Server]:
    async with server_of(api) as running:
        yield running


async def test_every_tool_refuses_whom_the_api_server_gives_no_right(server: Server, era: Era):
    """The list may be older than somebody's rights: each call is decided anew, as the caller."""
    async with server.client(a_token("agent"), era) as client:
        tools = await client.list_tools()
        assert TOOL in [tool.name for tool in tools]
        server.api.locked_out.add(AGENT)
        for tool in tools:
            if tool.name in CATALOGUE:
                continue
            result = await answer_of(client, tool.name, **arguments_for(tool))
            assert result.is_error, tool.name
            assert (result.structured_content or {}).get("error") == "FORBIDDEN", tool.name
    assert server.api.names("workflowruns") == []
    own_calls = [path for (_, path), headers in _requests(server.api) if "Impersonate-User" not in headers]
    assert not [path for path in own_calls if "workflowruns" in path or "approvalrequests" in path]


def _requests(api: ReviewingServer) -> Any:
    return zip(api.requests, api.headers, strict=True)
