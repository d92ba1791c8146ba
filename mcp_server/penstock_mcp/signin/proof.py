"""What a verified credential proves, in the one shape that all later code reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fastmcp.server.auth import AccessToken


class ProvedBy(StrEnum):
    """How somebody showed who they are."""

    OPENID = "OpenID"
    """An access token of the configured provider."""
    TOKEN_REVIEW = "TokenReview"  # noqa: S105 - the name of an API, not a password
    """A token that the API server proved."""
    API_KEY = "APIKey"


_BY_NAME: Final = {by.value: by for by in ProvedBy}
_PROVED_BY: Final = "penstock.dev/proved-by"
_GROUPS: Final = "penstock.dev/groups"
_PERSON: Final = "penstock.dev/person"
_SIGNED_IN_AT: Final = "penstock.dev/signed-in-at"


@dataclass(frozen=True, slots=True)
class Proof:
    """Who calls, through which client, with which scopes. Only our own verifiers make one."""

    by: ProvedBy
    user: str
    client: str = ""
    """The client that was proved; empty where none was. What a client says of itself is never written here."""
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    person: bool = False
    """Somebody signed in, and nobody acts for them."""
    expires_at: int | None = None
    """Seconds since 1970."""
    signed_in_at: int | None = None
    """When the person last showed who they are, in seconds since 1970; None where nobody says."""


def as_token(proof: Proof, credential: str) -> AccessToken:
    """The proof as the framework carries it through a request. The credential itself is kept nowhere."""
    return AccessToken(
        token=fingerprint(credential),
        client_id=proof.client,
        scopes=list(proof.scopes),
        subject=proof.user,
        expires_at=proof.expires_at,
        # Nothing that a token claims is copied here, so no claim of it can pass for a proof.
        claims={
            _PROVED_BY: proof.by.value,
            _GROUPS: list(proof.groups),
            _PERSON: proof.person,
            _SIGNED_IN_AT: proof.signed_in_at,
        },
    )


def proof_of(token: AccessToken) -> Proof | None:
    """The proof that a token of the framework carries; None where none of our verifiers made it."""
    by = _BY_NAME.get(str(token.claims.get(_PROVED_BY)))
    if by is None:
        return None
    return Proof(
        by=by,
        user=token.subject or "",
        client=token.client_id,
        groups=tuple(token.claims.get(_GROUPS) or ()),
        scopes=tuple(token.scopes),
        person=token.claims.get(_PERSON) is True,
        expires_at=token.expires_at,
        signed_in_at=token.claims.get(_SIGNED_IN_AT),
    )


def fingerprint(credential: str) -> str:
    """What stands for a credential in memory: its SHA-256."""
    return hashlib.sha256(credential.encode()).hexdigest()
