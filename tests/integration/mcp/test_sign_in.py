"""People sign in at a real OpenID provider: authorization code with PKCE, by the MCP client's own means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from mcp import MCPError

from tests.integration.mcp.reviewing_server import ReviewingServer, reviewing
from tests.integration.mcp.serving import HELLO, TOOL, Server, modern, server_of
from tests.support.mcp_client import Era, call, tool_names
from tests.support.memory_access import ORDER
from tests.support.openid_provider import Browser, OpenIdProvider, openid_provider, sign_in

pytestmark = pytest.mark.timeout(180, func_only=True)

PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"email": "ann@example.com", "email_verified": True, "groups": ["devs", "wheel"]},
    "lead": {"email": "lead@example.com", "email_verified": True, "groups": ["order-leads"]},
    "late": {"email": "late@example.com", "email_verified": True, "signs_in_late": 2},
    "mallory": {"email": "lead@example.com", "email_verified": False},
    "root": {"email": "system:masters", "email_verified": True, "groups": ["system:masters"]},
}
ROBOT = ("robot", "the-secret-of-the-robot")
CONTEXT = {"customer_id": "CUST-1"}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE, dict([ROBOT]), ["chat"]) as running:
        yield running


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants |= {("ann@example.com", "shop"), ("lead@example.com", "shop")}
        yield server


def by_mail(provider: OpenIdProvider) -> dict[str, Any]:
    return {
        "mcp_oauth_issuer": provider.issuer,
        "mcp_oauth_username_claim": "email",
        "mcp_oauth_groups_claim": "groups",
        "mcp_groups": ("devs", "order-leads"),
    }


@pytest.fixture
async def server(api: ReviewingServer, provider: OpenIdProvider) -> AsyncIterator[Server]:
    async with server_of(api, **by_mail(provider)) as running:
        yield running


async def test_a_person_signs_in_and_runs_a_workflow_under_their_own_name(server: Server, era: Era):
    browser = Browser("ann")
    async with server.client(sign_in(server.url, browser), era) as client:
        assert TOOL in await tool_names(client)
        answer = await call(client, TOOL, context=CONTEXT, wait=False)
    assert answer["status"] == "running"
    run = server.api.get("workflowruns", "order-processing-n1", "shop")
    assert run["spec"]["requestedBy"]["user"] == "ann@example.com"
    (created,) = [
        headers
        for (method, path), headers in zip(server.api.requests, server.api.headers, strict=True)
        if method == "POST" and path.endswith("workflowruns")
    ]
    assert created["Impersonate-User"] == "ann@example.com"
    assert created["Impersonate-Group"] == "devs"
    assert created["Impersonate-Extra-penstock.dev%2Fclient"]
    asked = parse_qs(urlsplit(browser.visited[0]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["resource"] == [server.url]
    assert asked["scope"] == ["runs:read runs:write"]


async def test_the_right_to_vote_is_asked_for_when_it_is_needed(server: Server, era: Era):
    browser = Browser("lead")
    async with server.client(sign_in(server.url, browser, "chat"), era) as client:
        await call(client, "list_runs")
        assert len(browser.visited) == 1
        answer = await call(client, "approve_workflow", request_id="shop/none", comment="go")
    assert answer["error"] == "NOT_FOUND"
    first, second = (parse_qs(urlsplit(address).query)["scope"][0].split() for address in browser.visited)
    assert "approvals:decide" not in first
    assert set(second) == {"runs:read", "runs:write", "approvals:decide"}


async def test_a_vote_takes_a_fresh_sign_in_and_says_how_fresh(api: ReviewingServer, provider: OpenIdProvider):
    async with server_of(api, **by_mail(provider), mcp_decide_max_age=300) as server:
        browser = Browser("late")
        body, headers = modern("tools/call", "approve_workflow", request_id="shop/none", comment="go")
        everything = {"Accept": "application/json, text/event-stream", **headers}
        async with httpx2.AsyncClient(auth=sign_in(server.url, browser, "chat")) as client:
            # The client signs in, steps up for the scope, is told that the sign-in is too old, and does it anew.
            for _ in range(3):
                refused = await client.post(server.url, json=body, headers=everything)
                if refused.status_code == 401:
                    break
            assert refused.status_code == 401
            voted = await client.post(server.url, json=body, headers=everything)
        challenge = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_user_authentication"' in challenge
        assert 'max_age="300"' in challenge
        assert 'scope="runs:read runs:write approvals:decide"' in challenge
        assert f'resource_metadata="{server.origin}/.well-known/oauth-protected-resource/mcp"' in challenge
        assert voted.status_code == 200
        assert "NOT_FOUND" in voted.text
        assert len(browser.visited) == 3
        assert not [path for _, path in api.requests if path.endswith("approvalrequests/none")][1:]


async def test_all_else_takes_no_fresh_sign_in(api: ReviewingServer, provider: OpenIdProvider):
    by_sub = {**by_mail(provider), "mcp_oauth_username_claim": "sub"}
    async with server_of(api, **by_sub, mcp_decide_max_age=1) as server:
        token = await provider.client_credentials(server.url, *ROBOT, "runs:read runs:write")
        async with server.client(token, "auto") as client:
            assert (await call(client, "list_runs"))["status"] in ("success", "error")
            assert (await call(client, "approve_workflow", request_id="shop/none"))["error"] == "FORBIDDEN"


async def test_without_a_token_a_client_learns_where_to_sign_in_and_nothing_else(
    server: Server, provider: OpenIdProvider
):
    refused = await server.post(HELLO)
    assert refused.status_code == 401
    challenge = refused.headers["WWW-Authenticate"]
    metadata = f"{server.origin}/.well-known/oauth-protected-resource/mcp"
    assert challenge == f'Bearer scope="runs:read runs:write", resource_metadata="{metadata}"'
    assert "execute_" not in refused.text
    for path in (metadata.removeprefix(server.origin), "/.well-known/oauth-protected-resource"):
        found = (await server.get(path)).json()
        assert found["resource"] == server.url
        assert found["authorization_servers"] == [provider.issuer]
        assert found["scopes_supported"] == ["runs:read", "runs:write"]


async def test_each_applications_endpoint_is_a_resource_with_its_own_address(server: Server):
    path = "/apps/shop/sales/mcp"
    refused = await server.post(HELLO, path=path)
    where = f"/.well-known/oauth-protected-resource{path}"
    assert f'resource_metadata="{server.origin}{where}"' in refused.headers["WWW-Authenticate"]
    assert (await server.get(where)).json()["resource"] == server.origin + path
    assert (await server.get("/.well-known/oauth-protected-resource/apps/../mcp2")).status_code == 404


async def test_a_program_in_its_own_name_runs_workflows_and_never_votes(server: Server, provider: OpenIdProvider):
    scope = "runs:read runs:write approvals:decide"
    async with server_of(server.api, **{**by_mail(provider), "mcp_oauth_username_claim": "sub"}) as by_sub:
        token = await provider.client_credentials(by_sub.url, *ROBOT, scope)
        user = f"{provider.issuer}#robot"
        server.api.grants.add((user, "shop"))
        async with by_sub.client(token, "auto") as client:
            assert (await call(client, TOOL, context=CONTEXT, wait=False))["status"] == "running"
            answer = await call(client, "approve_workflow", request_id="shop/none", comment="go")
    assert server.api.get("workflowruns", "order-processing-n1", "shop")["spec"]["requestedBy"]["user"] == user
    assert answer["error"] == "FORBIDDEN"
    assert "program" in answer["message"]


async def test_a_scope_that_is_missing_is_named(server: Server, provider: OpenIdProvider):
    async with server_of(server.api, **{**by_mail(provider), "mcp_oauth_username_claim": "sub"}) as by_sub:
        token = await provider.client_credentials(by_sub.url, *ROBOT, "runs:read")
        body, headers = modern("tools/call", TOOL, context=CONTEXT)
        refused = await by_sub.post(body, token, headers=headers)
        assert refused.status_code == 403
        challenge = refused.headers["WWW-Authenticate"]
        assert 'error="insufficient_scope"' in challenge
        assert 'scope="runs:write"' in challenge
        assert f'resource_metadata="{by_sub.origin}/.well-known/oauth-protected-resource/mcp"' in challenge
    assert server.api.names("workflowruns") == []


async def test_a_token_for_another_resource_is_refused_and_shown_to_nobody(server: Server, provider: OpenIdProvider):
    token = await provider.client_credentials("https://elsewhere.example.com/mcp", *ROBOT, "runs:read")
    refused = await server.post(HELLO, token)
    assert refused.status_code == 401
    assert 'error="invalid_token"' in refused.headers["WWW-Authenticate"]
    assert server.api.reviewed == []


async def test_an_address_that_nobody_verified_is_no_name(server: Server):
    """Else anybody could write the lead's."""
    browser = Browser("mallory")
    with pytest.raises(MCPError):
        async with server.client(sign_in(server.url, browser), "auto") as client:
            await call(client, "list_runs")
    assert browser.visited
    assert not [headers for headers in server.api.headers if "Impersonate-User" in headers]


async def test_names_of_the_clusters_own_are_nobodys_to_claim(server: Server):
    async with server.client(sign_in(server.url, Browser("root")), "auto") as client:
        assert (await call(client, "list_runs"))["error"] == "FORBIDDEN"
    assert not [headers for headers in server.api.headers if "Impersonate-User" in headers]


async def test_a_provider_that_is_away_lets_nobody_in_and_takes_no_server_down(
    api: ReviewingServer, provider: OpenIdProvider
):
    gone = {**by_mail(provider), "mcp_oauth_jwks_url": "http://127.0.0.1:9/keys"}
    async with server_of(api, **gone) as running:
        token = await provider.client_credentials(running.url, *ROBOT, "runs:read")
        assert (await running.post(HELLO, token)).status_code == 401
        assert (await running.get("/healthz")).status_code == 200
