"""Callers' tokens, proved by the API server: TokenReview with our own audience.

A token that was made for anyone else is refused here, before it is shown to the API server, and is never passed on.
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastmcp.server.auth import AccessToken, TokenVerifier

from penstock_mcp.expiring import Expiring
from penstock_mcp.identity import GROUPS, PROVED_BY, TOKEN_REVIEW

log = logging.getLogger(__name__)

MAX_TOKEN = 16_384
"""Characters; projected ServiceAccount tokens have about 1,200."""
PROVED_SECONDS = 10.0
"""How long a proof holds: a deleted ServiceAccount can still call for as long."""
REFUSED_SECONDS = 5.0
"""How long a refusal holds, so that a broken client does not become a stream of reviews."""

PostReview = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Posts a TokenReview with the server's own rights and gives the answered object."""


class TokenReviewVerifier(TokenVerifier):
    """Accepts the tokens that the API server proves to be made for `audience`."""

    def __init__(self, audience: str, post_review: PostReview, clock: Callable[[], float]) -> None:
        super().__init__()
        self._audience = audience
        self._post_review = post_review
        self._proved: Expiring[str, AccessToken] = Expiring(clock)
        self._refused: Expiring[str, bool] = Expiring(clock)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whom the token proves, or None. Never raises: whatever goes wrong proves nothing."""
        if not _made_for(self._audience, token):
            return None
        # The token itself is kept nowhere, not even as a key.
        fingerprint = hashlib.sha256(token.encode()).hexdigest()
        if self._refused.get(fingerprint):
            return None
        return self._proved.get(fingerprint) or await self._ask(fingerprint, token)

    async def _ask(self, fingerprint: str, token: str) -> AccessToken | None:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            answer = await self._post_review(body)
            proved = self._read(fingerprint, answer)
        except Exception as error:  # noqa: BLE001 - a verifier that raises turns a bad token into a server error
            log.warning("a token could not be reviewed: %s", type(error).__name__)
            return None
        if proved is None:
            self._refused.put(fingerprint, value=True, seconds=REFUSED_SECONDS)
        else:
            self._proved.put(fingerprint, proved, PROVED_SECONDS)
        return proved

    def _read(self, fingerprint: str, answer: Mapping[str, Any]) -> AccessToken | None:
        status = answer.get("status") or {}
        # Without the audience among the answered ones the review was made for the API server's own audience.
        if status.get("authenticated") is not True or self._audience not in (status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        claims = {PROVED_BY: TOKEN_REVIEW, GROUPS: list(user.get("groups") or ())}
        # client_id stays empty: a TokenReview proves no OAuth client, and a self-declared one proves nothing.
        return AccessToken(token=fingerprint, client_id="", scopes=[], subject=str(user["username"]), claims=claims)


def _made_for(audience: str, token: str) -> bool:
    """The token says of itself that it is for us. Decides nothing but whether asking is worth a call."""
    if not token.isascii() or len(token) > MAX_TOKEN or token.count(".") != 2:
        return False
    payload = token.split(".")[1]
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return False
    named = claims.get("aud") if isinstance(claims, dict) else None
    return named == audience or (isinstance(named, list) and audience in named)
