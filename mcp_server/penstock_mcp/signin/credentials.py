"""Every credential goes to the one verifier that it can be for; none is shown to two."""

from __future__ import annotations

from fastmcp.server.auth import AccessToken, TokenVerifier
from starlette.routing import Route

from penstock_mcp.auth import TokenReviewVerifier
from penstock_mcp.signin.api_keys import ApiKeyVerifier
from penstock_mcp.signin.freshness import Freshness
from penstock_mcp.signin.oauth import OAuthVerifier
from penstock_mcp.signin.resource import ProtectedResource


class CredentialVerifier(TokenVerifier):
    """API keys by their beginning, the provider's tokens by their issuer, all else to the API server."""

    def __init__(
        self,
        reviews: TokenReviewVerifier,
        *,
        oauth: OAuthVerifier | None = None,
        keys: ApiKeyVerifier | None = None,
        resource: ProtectedResource | None = None,
        freshness: Freshness = Freshness(),  # noqa: B008 - it cannot be changed
    ) -> None:
        super().__init__()
        self._reviews = reviews
        self._oauth = oauth
        self._keys = keys
        self.resource = resource
        """How people sign in; None where nobody can."""
        self.freshness = freshness
        """How long ago whoever votes may have signed in."""

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whom the credential proves, or None. Never raises."""
        if ApiKeyVerifier.looks_like_one(token):
            return await self._keys.verify(token) if self._keys else None
        if self._oauth is not None and self._oauth.issued(token):
            return await self._oauth.verify(token)
        return await self._reviews.verify_token(token)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:  # noqa: ARG002 - the framework's signature
        """The metadata of the protected resource, where people can sign in."""
        return self.resource.routes() if self.resource else []
