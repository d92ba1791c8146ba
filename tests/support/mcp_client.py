"""An MCP server over a world in memory, and a client of either protocol era that is connected to it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from typing import Any, Literal

from fastmcp import Client, FastMCP
from fastmcp.client.client import CallToolResult

from penstock.application.scopes import APPROVALS_DECIDE, RUNS_READ, RUNS_WRITE
from penstock.ports.access import Actor, Key
from penstock_mcp.backend import Backend, ImpersonatingBackend, OwnBackend
from penstock_mcp.identity import Identities, OwnIdentity
from penstock_mcp.provider import Pace
from penstock_mcp.server import Options, create_server
from tests.support.memory_access import World

Era = Literal["auto", "legacy"]
"""2026-07-28, or the handshake before it."""
QUICK = Pace(first_look=5.0, retry=0.01, settle=0.01)
AGENT = Actor("system:serviceaccount:shop:agent", "sa:shop:agent")
ANN = Actor("oidc:ann", "web")
BOB = Actor("oidc:bob", "web")


class Switchable:
    """Whoever the test says is calling."""

    def __init__(self, actor: Actor | None) -> None:
        self.actor = actor
        self.scopes = {RUNS_READ, RUNS_WRITE, APPROVALS_DECIDE}
        self.signed_in = True
        self.fresh = True

    def current(self) -> Actor | None:
        return self.actor

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def person(self) -> bool:
        return self.signed_in

    def signed_in_recently(self) -> bool:
        return self.fresh


def own(world: World, namespace: str | None = "shop") -> OwnBackend:
    return OwnBackend(world.access(), namespace)


def shared(
    world: World,
    namespace: str | None = None,
    may_run: Callable[[Actor, Key], bool] = lambda actor, key: True,
    reach: Callable[[Actor], tuple[str, ...] | None] = lambda actor: None,
) -> ImpersonatingBackend:
    async def allowed(actor: Actor, keys: Collection[Key]) -> list[Key]:
        if world.trouble is not None:
            raise world.trouble
        return [key for key in keys if may_run(actor, key)]

    watch = OwnBackend(world.access(), namespace).watch_workflows
    return ImpersonatingBackend(namespace, lambda actor: world.access(actor, namespaces=reach(actor)), watch, allowed)


def a_server(backend: Backend, identities: Identities | None = None, *, budget: float = 50.0, **more: Any) -> FastMCP:
    numbers = itertools.count(1)
    clock = {"now": more.pop("now")} if "now" in more else {}
    pages = {"page_size": more.pop("page_size")} if "page_size" in more else {}
    options = Options(wait_budget=budget, pace=QUICK, **clock, **pages)
    return create_server(
        backend, identities or OwnIdentity(), new_suffix=lambda: f"n{next(numbers)}", options=options, **more
    )


@asynccontextmanager
async def connected(server: FastMCP, era: Era, **options: Any) -> AsyncIterator[Client[Any]]:
    async with Client(server, mode=era, **options) as client:
        yield client


async def call(client: Client[Any], tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured answer of a tool, an error's too."""
    result = await answer_of(client, tool, **arguments)
    assert result.structured_content is not None
    return result.structured_content


async def answer_of(client: Client[Any], tool: str, **arguments: Any) -> CallToolResult:
    return await client.call_tool(tool, arguments, raise_on_error=False)


def said(result: CallToolResult) -> str:
    """The text of an answer."""
    (block,) = result.content
    return str(getattr(block, "text", ""))


async def tool_names(client: Client[Any]) -> list[str]:
    return [tool.name for tool in await client.list_tools()]
