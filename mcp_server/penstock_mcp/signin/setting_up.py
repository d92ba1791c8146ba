"""From the settings to the verifier of all credentials."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import httpx2

from penstock.adapters.clock import SystemClock
from penstock.errors import InvalidInput
from penstock.settings import McpSettings
from penstock_mcp.auth import PostReview, TokenReviewVerifier
from penstock_mcp.signin.api_keys import ApiKeyVerifier
from penstock_mcp.signin.claims import ClaimMapping
from penstock_mcp.signin.credentials import CredentialVerifier
from penstock_mcp.signin.freshness import Freshness
from penstock_mcp.signin.key_set import KeySet, checked_address
from penstock_mcp.signin.oauth import OAuthRules, OAuthVerifier
from penstock_mcp.signin.resource import ProtectedResource

ReadKeys = Callable[[], Awaitable[Mapping[str, bytes]]]

_PROVIDER_SECONDS = 5.0


def make_verifier(settings: McpSettings, post_review: PostReview, read_keys: ReadKeys | None) -> CredentialVerifier:
    """The verifier; `read_keys` reads the hashes of API keys. Raises InvalidInput for settings that do not fit."""
    resource = _resource(settings)
    oauth = None
    if resource is not None:
        oauth = OAuthVerifier(_rules(settings, resource), _keys(settings), time.time)
    keys = ApiKeyVerifier(read_keys, time.monotonic, SystemClock().now) if read_keys is not None else None
    reviews = TokenReviewVerifier(settings.mcp_audience, post_review, time.monotonic)
    freshness = Freshness(settings.mcp_decide_max_age)
    return CredentialVerifier(reviews, oauth=oauth, keys=keys, resource=resource, freshness=freshness)


def _resource(settings: McpSettings) -> ProtectedResource | None:
    if not settings.mcp_oauth_issuer:
        return None
    if not settings.mcp_url:
        raise InvalidInput(
            "to sign people in, the server has to know its own address",
            hint="Set PENSTOCK_MCP_URL (chart: mcp.url) to what clients are given, https://mcp.example.com/mcp.",
        )
    issuer = checked_address(settings.mcp_oauth_issuer, "PENSTOCK_MCP_OAUTH_ISSUER")
    return ProtectedResource(settings.mcp_url.rstrip("/"), issuer, settings.mcp_oauth_audience)


def _rules(settings: McpSettings, resource: ProtectedResource) -> OAuthRules:
    mapping = ClaimMapping(
        issuer=settings.mcp_oauth_issuer,
        username_claim=settings.mcp_oauth_username_claim,
        username_prefix=settings.mcp_oauth_username_prefix,
        groups_claim=settings.mcp_oauth_groups_claim,
        groups_prefix=settings.mcp_oauth_groups_prefix,
    )
    return OAuthRules(settings.mcp_oauth_issuer, resource.means_us, settings.mcp_oauth_algorithms, mapping)


def _keys(settings: McpSettings) -> KeySet:
    jwks_url = settings.mcp_oauth_jwks_url
    if jwks_url:
        checked_address(jwks_url, "PENSTOCK_MCP_OAUTH_JWKS_URL")
    options: dict[str, Any] = {}
    if settings.mcp_oauth_ca_file:
        options["verify"] = _authorities(settings.mcp_oauth_ca_file)
    # Redirects are not followed: an answer from elsewhere is not the provider's.
    connect = partial(httpx2.AsyncClient, timeout=_PROVIDER_SECONDS, follow_redirects=False, **options)
    return KeySet(settings.mcp_oauth_issuer, connect, time.monotonic, jwks_url=jwks_url)


def _authorities(path: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise InvalidInput(f"the certificate authorities in {path} cannot be read: {error}") from error
