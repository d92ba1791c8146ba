"""From the claims of an access token to the names that the API server would give the same person.

It has to be the same mapping, or one person becomes two: RBAC, approver lists and "whoever asked may not decide" all
compare names. https://kubernetes.io/docs/reference/access-authn-authz/authentication/#configuring-the-api-server
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NO_PREFIX = "-"
"""As a prefix: none at all, as `--oidc-username-prefix=-` says it."""


class ClaimsRefused(Exception):
    """These claims name nobody. The message is for the log; no value of a claim is in it."""


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """The API server's own settings, by their meaning."""

    issuer: str
    username_claim: str = "sub"
    username_prefix: str = ""
    """Empty: as the API server does without the flag, `<issuer>#`, and none for the claim `email`."""
    groups_claim: str = ""
    """Empty: tokens give no groups."""
    groups_prefix: str = ""

    def username(self, claims: Mapping[str, Any]) -> str:
        """The user name. Raises ClaimsRefused."""
        name = claims.get(self.username_claim)
        if not isinstance(name, str) or not name:
            raise ClaimsRefused(f"no text in the claim {self.username_claim}")
        # An address that nobody proved is no name: anybody could write the one of somebody else.
        if self.username_claim == "email" and claims.get("email_verified", True) is not True:
            raise ClaimsRefused("email_verified is not true")
        return self._prefix() + name

    def groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """The groups, prefixed. Raises ClaimsRefused for a claim that holds something else than names."""
        found = claims.get(self.groups_claim) if self.groups_claim else None
        if found is None:
            return ()
        names = [found] if isinstance(found, str) else found
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ClaimsRefused(f"no names in the claim {self.groups_claim}")
        return tuple(self.groups_prefix + name for name in names)

    def _prefix(self) -> str:
        if self.username_prefix == NO_PREFIX:
            return ""
        if self.username_prefix or self.username_claim == "email":
            return self.username_prefix
        return f"{self.issuer}#"


def client_of(claims: Mapping[str, Any]) -> str:
    """The client that the token was issued to (RFC 9068 `client_id`, OpenID Connect `azp`); empty where it says none.

    Raises ClaimsRefused where the two differ.
    """
    named = {claims[name] for name in ("client_id", "azp") if isinstance(claims.get(name), str) and claims[name]}
    if len(named) > 1:
        raise ClaimsRefused("client_id and azp differ")
    return str(named.pop()) if named else ""


def scopes_of(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The scopes: `scope` (RFC 9068), or `scp` as Entra ID and Okta write it; as text or as a list."""
    found = claims.get("scope", claims.get("scp"))
    names = found.split() if isinstance(found, str) else found
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, list) else ()


def is_person(claims: Mapping[str, Any], client: str) -> bool:
    """Somebody signed in: not a client in its own name, and nobody on behalf of somebody else (RFC 8693 `act`).

    How a client-credentials token looks: RFC 9068 2.2 has the client as `sub`; Auth0 adds `@clients` and `gty`,
    Entra ID `idtyp`, Keycloak makes up a user `service-account-…`.
    """
    subject = claims.get("sub")
    in_own_name = subject in (client, f"{client}@clients") or claims.get("gty") == "client-credentials"
    invented = str(claims.get("preferred_username", "")).startswith("service-account-")
    return not in_own_name and not invented and claims.get("idtyp") != "app" and "act" not in claims
