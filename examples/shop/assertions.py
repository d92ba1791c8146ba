"""Who asks, by an assertion of Penstock's: checked by the keys that the installation publishes.

This is what any outside system does whose Connection says `auth: {onBehalfOf: {}}`: a signature by a known key, the
issuer, the audience (this very system), the times; then the person has the role that this system gives him, not one
that the assertion claims.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from examples.shop.roles import Role, RoleOf

ALGORITHMS = ["ES256", "RS256"]
LEEWAY = 30
"""Seconds that clocks may differ."""
FRESH_SECONDS = 300.0
AGAIN_SECONDS = 10.0
"""Between two looks for a key that is not known: made-up key ids must not become a stream of requests."""
MAX_KEYS = 262_144
"""Bytes of a key set."""


def read_keys(place: str) -> dict[str, Any]:
    """A key set from an address or a file."""
    if place.startswith(("http://", "https://")):
        with urllib.request.urlopen(place, timeout=5) as answer:  # noqa: S310 - whoever starts the shop names the place
            found: dict[str, Any] = json.loads(answer.read(MAX_KEYS))
            return found
    return dict(json.loads(Path(place).read_text()))


@dataclass
class Verifier:
    """Checks assertions; `roles` are those of people, by the name that the installation has for them."""

    issuer: str
    audience: str
    roles: Mapping[str, Role]
    read: Callable[[], dict[str, Any]]
    now: Callable[[], float] = time.time
    _keys: KeySet | None = None
    _read_at: float = field(default=0.0)

    def role_of(self, token: str) -> Role | None:
        """The role of whoever asked; None for anything that is not an assertion for this shop of a person it knows."""
        try:
            claims = self._claims(token)
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(self.now()),
                leeway=LEEWAY,
                iss={"essential": True, "value": self.issuer},
                aud={"essential": True, "value": self.audience},
                exp={"essential": True},
                sub={"essential": True},
            )
            registry.validate(claims)
        except (JoseError, ValueError, OSError, KeyError, TypeError):
            return None
        return self.roles.get(claims["sub"])

    def _claims(self, token: str) -> dict[str, Any]:
        if self._keys is None or self.now() - self._read_at > FRESH_SECONDS:
            self._look()
        try:
            return self._decoded(token)
        except (JoseError, ValueError):
            if self.now() - self._read_at < AGAIN_SECONDS:
                raise
            # Perhaps by a key that is newer than what is known.
            self._look()
            return self._decoded(token)

    def _decoded(self, token: str) -> dict[str, Any]:
        assert self._keys is not None
        return jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims

    def _look(self) -> None:
        self._keys, self._read_at = KeySet.import_key_set(self.read()), self.now()  # type: ignore[arg-type]  # JSON


def either(*ways: RoleOf) -> RoleOf:
    """The first of several ways to know somebody that knows him."""

    def found(token: str) -> Role | None:
        return next((role for way in ways if (role := way(token)) is not None), None)

    return found
