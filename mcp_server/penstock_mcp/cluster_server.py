"""The server for a cluster's callers: tokens proved by the API server, every call impersonating who was proved."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

from fastmcp import FastMCP

from penstock.ports.access import Access, Actor
from penstock.settings import McpSettings
from penstock_mcp.auth import TokenReviewVerifier
from penstock_mcp.backend import ImpersonatingBackend, OnWorkflows
from penstock_mcp.identity import IdentityRules, TokenIdentities, namespace_of_account
from penstock_mcp.protocol import ToolNews
from penstock_mcp.provider import Pace
from penstock_mcp.reviews import Post, RunReviews, token_reviews
from penstock_mcp.server import Options, create_server


class Cluster(Protocol):
    """What is asked of a cluster; penstock.wiring.callers has it."""

    @property
    def own_access(self) -> Access:
        """The server's own reach."""

    def access_for(self, identity: Actor) -> Access:
        """What this caller can reach."""

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """POST with the server's own rights."""

    def post_as(self, identity: Actor) -> Post:
        """POST as this caller."""

    async def watch_workflows(self, on_change: OnWorkflows) -> None:
        """All Workflows at once and after each change, until cancelled."""


async def cluster_server(
    cluster: Cluster,
    settings: McpSettings,
    *,
    new_suffix: Callable[[], str],
    news: ToolNews,
    pace: Pace | None = None,
) -> FastMCP:
    """A server for HTTP. ServiceAccounts of its own namespace, the operator's too, may not call it."""
    own = namespace_of_account((await cluster.own_access.caller.whoami()).user)
    rules = IdentityRules(frozenset(settings.mcp_groups), frozenset({own} if own else ()))
    watch: Callable[[OnWorkflows], Awaitable[None]] = cluster.watch_workflows
    return create_server(
        ImpersonatingBackend(settings.namespace, cluster.access_for, watch, RunReviews(cluster.post_as)),
        TokenIdentities(rules),
        new_suffix=new_suffix,
        auth=TokenReviewVerifier(settings.mcp_audience, token_reviews(cluster.post), time.monotonic),
        news=news,
        options=Options(settings.mcp_wait_budget, pace or Pace()),
    )
