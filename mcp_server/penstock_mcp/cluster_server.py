"""The server for a cluster's callers: tokens proved by the API server, every call impersonating who was proved."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from fastmcp import FastMCP

from penstock.errors import InvalidInput
from penstock.ports.access import Access, Actor, Key
from penstock.ports.key_records import KeyRecords
from penstock.ports.traces import Spans
from penstock.settings import McpSettings
from penstock_mcp.backend import ImpersonatingBackend, OnWorkflows
from penstock_mcp.client_secrets import ClientSecrets, SecretsOf, no_secrets
from penstock_mcp.discovery import add_assertion_keys
from penstock_mcp.guarding.figures import Figures
from penstock_mcp.identity import IdentityRules, TokenIdentities, namespace_of_account
from penstock_mcp.protocol import ToolNews
from penstock_mcp.provider import Pace
from penstock_mcp.reviews import Post, RunReviews, token_reviews
from penstock_mcp.server import Options, create_server
from penstock_mcp.signin.setting_up import ReadKeys, make_verifier
from penstock_mcp.traced_calls import Tracing


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

    def key_records(self, secret: Key) -> KeyRecords:
        """The hashes of API keys, read with the server's own rights."""


@dataclass(frozen=True, slots=True)
class Observers:
    """Who is told of calls."""

    figures: Figures = field(default_factory=Figures)
    spans: Spans | None = None


async def cluster_server(
    cluster: Cluster,
    settings: McpSettings,
    *,
    new_suffix: Callable[[], str],
    news: ToolNews,
    pace: Pace | None = None,
    observers: Observers | None = None,
) -> FastMCP:
    """A server for HTTP. ServiceAccounts of its own namespace, the operator's too, may not call it."""
    told = observers or Observers()
    own = namespace_of_account((await cluster.own_access.caller.whoami()).user)
    rules = IdentityRules(frozenset(settings.mcp_groups), frozenset({own} if own else ()))
    watch: Callable[[OnWorkflows], Awaitable[None]] = cluster.watch_workflows
    options = Options(
        settings.mcp_wait_budget,
        pace or Pace(),
        secrets_of=_secrets(settings.mcp_client_secrets_file),
        figures=told.figures,
        tracing=Tracing(told.spans, settings.tracing_share) if told.spans else None,
    )
    verifier = make_verifier(settings, token_reviews(cluster.post), _key_reader(cluster, settings, own))
    server = create_server(
        ImpersonatingBackend(settings.namespace, cluster.access_for, watch, RunReviews(cluster.post_as)),
        TokenIdentities(rules, freshness=verifier.freshness),
        new_suffix=new_suffix,
        auth=verifier,
        news=news,
        options=options,
    )
    add_assertion_keys(server, tuple(map(Path, settings.mcp_assertion_keys)))
    return server


def _key_reader(cluster: Cluster, settings: McpSettings, own: str | None) -> ReadKeys | None:
    if not settings.mcp_api_keys_secret:
        return None
    if own is None:
        raise InvalidInput(
            "API keys are kept in the server's own namespace, and it does not run as a ServiceAccount of any",
            hint="Leave PENSTOCK_MCP_API_KEYS_SECRET empty, or run the server as the chart does.",
        )
    return cluster.key_records(Key(own, settings.mcp_api_keys_secret)).read


def _secrets(file: str) -> SecretsOf:
    if not file:
        return no_secrets
    secrets = ClientSecrets(Path(file))
    # A mistake in the file shows when the server starts, not when somebody decides.
    secrets.read()
    return secrets
