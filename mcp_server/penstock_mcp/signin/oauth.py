"""Access tokens of the configured OpenID provider (RFC 9068): verified here, never passed on to anybody."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastmcp.server.auth import AccessToken
from joserfc import jws
from joserfc.errors import JoseError

from penstock.errors import InvalidInput
from penstock_mcp.signin.claims import ClaimMapping, ClaimsRefused, client_of, is_person, scopes_of
from penstock_mcp.signin.key_set import KeySet
from penstock_mcp.signin.proof import Proof, ProvedBy, as_token

log = logging.getLogger(__name__)

MAX_TOKEN = 16_384
"""Characters."""
LEEWAY_SECONDS = 30
"""How far the provider's clock and ours may be apart."""
KINDS = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), "RSA"),
    **dict.fromkeys(("ES256", "ES384", "ES512"), "EC"),
}
"""The algorithms that can be allowed, those that the API server knows, with the kind of key of each. No shared secrets:
who checks could also forge."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


@dataclass(frozen=True, slots=True)
class OAuthRules:
    """What makes a token one for us."""

    issuer: str
    audiences: Callable[[str], bool]
    """Whether an entry of `aud` means this server."""
    algorithms: tuple[str, ...]
    mapping: ClaimMapping

    def __post_init__(self) -> None:
        unknown = [name for name in self.algorithms if name not in KINDS]
        if unknown or not self.algorithms:
            raise InvalidInput(
                f"tokens cannot be signed with {', '.join(unknown) or 'nothing'}",
                hint=f"Choose from {', '.join(KINDS)}.",
            )


class OAuthVerifier:
    """Accepts the tokens that the provider issued for this server."""

    def __init__(self, rules: OAuthRules, keys: KeySet, now: Callable[[], float]) -> None:
        self._rules = rules
        self._keys = keys
        self._now = now

    def issued(self, token: str) -> bool:
        """The token says of itself that it comes from our provider. Decides nothing but who is asked about it."""
        claims = _part(token, 1)
        return claims is not None and claims.get("iss") == self._rules.issuer

    async def verify(self, token: str) -> AccessToken | None:
        """Whom the token proves, or None. Never raises; the reason goes to the log, without a word of the token."""
        try:
            return as_token(self._proof(await self._claims(token)), token)
        except ClaimsRefused as reason:
            log.info("an access token is refused: %s", reason)
            return None

    async def _claims(self, token: str) -> Mapping[str, Any]:
        """The claims, once the signature holds."""
        header = _part(token, 0)
        if header is None or len(token) > MAX_TOKEN:
            raise ClaimsRefused("it is no signed token")
        algorithm, key_id = header.get("alg"), header.get("kid", "")
        if algorithm not in self._rules.algorithms or not isinstance(key_id, str):
            raise ClaimsRefused("its algorithm is not an allowed one")
        if str(header.get("typ", "")).lower() not in _TYPES:
            raise ClaimsRefused("it is not an access token")
        published = await self._keys.key(key_id)
        if published is None or published.kind != KINDS[algorithm]:
            raise ClaimsRefused("the provider has no such key")
        try:
            # Headers that say more than is needed are no reason to refuse; nothing in them is followed.
            registry = jws.JWSRegistry(algorithms=[algorithm], strict_check_header=False)
            signed = jws.deserialize_compact(token, published.key, registry=registry)
            claims = json.loads(signed.payload)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            raise ClaimsRefused("its signature does not hold") from error
        if not isinstance(claims, dict):
            raise ClaimsRefused("it makes no claims")
        return claims

    def _proof(self, claims: Mapping[str, Any]) -> Proof:
        expires = self._check(claims)
        signed_in_at = _seconds(claims, "auth_time")
        client = client_of(claims)
        return Proof(
            by=ProvedBy.OPENID,
            user=self._rules.mapping.username(claims),
            client=client,
            groups=self._rules.mapping.groups(claims),
            scopes=scopes_of(claims),
            person=is_person(claims, client),
            expires_at=expires,
            signed_in_at=int(signed_in_at) if signed_in_at is not None else None,
        )

    def _check(self, claims: Mapping[str, Any]) -> int:
        """Issuer, audience, times, subject; the last second at which the token is accepted."""
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != self._rules.issuer:
            raise ClaimsRefused("it is another issuer's")
        if not any(isinstance(name, str) and self._rules.audiences(name) for name in named):
            raise ClaimsRefused("it was issued for somebody else")
        if not isinstance(claims.get("sub"), str) or not claims["sub"]:
            raise ClaimsRefused("it has no subject")
        expires = _seconds(claims, "exp")
        if expires is None or expires <= self._now() - LEEWAY_SECONDS:
            raise ClaimsRefused("it has expired, or never does")
        for name in ("nbf", "iat"):
            begins = _seconds(claims, name)
            if begins is not None and begins > self._now() + LEEWAY_SECONDS:
                raise ClaimsRefused("it is not valid yet")
        if "cnf" in claims:
            # Bound to a key of the client's (RFC 9449, RFC 8705): as a bearer token it proves nothing.
            raise ClaimsRefused("it is bound to a key that a bearer token cannot show")
        return int(expires) + LEEWAY_SECONDS


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**40:
        raise ClaimsRefused(f"its claim {name} is no time")
    return float(value)


def _part(token: str, index: int) -> dict[str, Any] | None:
    """Header (0) or claims (1) of a token, not verified; None where it is none."""
    if not token.isascii() or len(token) > MAX_TOKEN or token.count(".") != 2:
        return None
    part = token.split(".")[index]
    try:
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
