"""Callers' tokens, proved by the API server: TokenReview with our own audience.

A token that was made for anyone else is refused here, before it is shown to the API server, and is never passed on.
https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-review-v1/
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastmcp.server.auth import AccessToken, TokenVerifier

from penstock.application.scopes import RUNS_READ, RUNS_WRITE
from penstock_mcp.expiring import Expiring
from penstock_mcp.signin.proof import Proof, ProvedBy, as_token, fingerprint

log = logging.getLogger(__name__)

MAX_TOKEN = 16_384
"""Characters; projected ServiceAccount tokens have about 1,200."""
PROVED_SECONDS = 10.0
"""How long a proof holds: a deleted ServiceAccount can still call for as long."""
REFUSED_SECONDS = 5.0
"""How long a refusal holds, so that a broken client does not become a stream of reviews."""
MAX_AT_ONCE = 16
"""Reviews that are asked for at once: made-up tokens must not become a flood of them."""

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
        self._at_once = asyncio.Semaphore(MAX_AT_ONCE)

    async def verify_token(self, token: str) -> AccessToken | None:
        """Whom the token proves, or None. Never raises: whatever goes wrong proves nothing."""
        if not _made_for(self._audience, token):
            return None
        # The token itself is kept nowhere, not even as a key.
        key = fingerprint(token)
        if self._refused.get(key):
            return None
        return self._proved.get(key) or await self._ask(key, token)

    async def _ask(self, key: str, token: str) -> AccessToken | None:
        body = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            async with self._at_once:
                answer = await self._post_review(body)
            proof = self._read(answer)
        except Exception as error:  # noqa: BLE001 - a verifier that raises turns a bad token into a server error
            log.warning("a token could not be reviewed: %s", type(error).__name__)
            return None
        if proof is None:
            self._refused.put(key, value=True, seconds=REFUSED_SECONDS)
            return None
        proved = as_token(proof, token)
        self._proved.put(key, proved, PROVED_SECONDS)
        return proved

    def _read(self, answer: Mapping[str, Any]) -> Proof | None:
        status = answer.get("status") or {}
        # Without the audience among the answered ones the review was made for the API server's own audience.
        if status.get("authenticated") is not True or self._audience not in (status.get("audiences") or ()):
            return None
        user = status.get("user") or {}
        # The client stays empty: a TokenReview proves no OAuth client, and a self-declared one proves nothing.
        return Proof(
            by=ProvedBy.TOKEN_REVIEW,
            user=str(user["username"]),
            groups=tuple(user.get("groups") or ()),
            scopes=(RUNS_READ, RUNS_WRITE),
        )


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
