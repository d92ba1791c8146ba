"""From a proved token to the one identity that every call to the API server impersonates.

No identity, no call; the server's own rights are never a fallback. What a request says of itself (headers, client
names) is never read here. Names: https://kubernetes.io/docs/reference/access-authn-authz/authentication/.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from fastmcp.server.auth import AccessToken
from fastmcp.server.dependencies import get_access_token

from penstock.errors import Forbidden
from penstock.ports.access import Actor

SERVICE_ACCOUNT = "system:serviceaccount:"
MAX_NAME = 253
MAX_GROUPS = 256
PROVED_BY = "penstock.dev/proved-by"
"""Claim that our own verifiers set; without it a token proves nothing here."""
TOKEN_REVIEW = "TokenReview"  # noqa: S105 - the name of an API, not a password
GROUPS = "groups"

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SERVICE_ACCOUNT_NAME = re.compile(rf"{SERVICE_ACCOUNT}(?P<namespace>{_LABEL}):(?P<name>{_LABEL}(\.{_LABEL})*)")


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """Which identities may pass to the API server."""

    allowed_groups: frozenset[str] = frozenset()
    """Groups that are passed on; all others are left out."""
    refused_namespaces: frozenset[str] = frozenset()
    """Namespaces whose ServiceAccounts may not call: the server's own, which holds the operator too."""


class Identities(Protocol):
    """Who is calling, now."""

    def current(self) -> Actor | None:
        """The caller; None is the person whose process this is. Raises Forbidden where there is no identity."""


class OwnIdentity:
    """Over stdio: the caller is whoever started this process, with their own kubeconfig or their own machine."""

    def current(self) -> Actor | None:
        """Always the person whose process this is."""
        return None


class TokenIdentities:
    """Over HTTP: the caller is who the request's token proves."""

    def __init__(self, rules: IdentityRules, read_token: Callable[[], AccessToken | None] = get_access_token) -> None:
        self._rules = rules
        self._read_token = read_token

    def current(self) -> Actor | None:
        """The identity of the request's token. Raises Forbidden without one, and for names that may not pass."""
        token = self._read_token()
        if token is None:
            raise Forbidden("this call carries no identity", hint="Send a token: Authorization: Bearer …")
        return identify(token, self._rules)


def identify(token: AccessToken, rules: IdentityRules) -> Actor:
    """The identity that a verified token stands for. Raises Forbidden where it may not pass."""
    user = token.subject or ""
    if not _plain(user):
        raise Forbidden("the token's user name is empty, too long or holds characters that no name has")
    if user.startswith("system:"):
        return _service_account(user, token, rules)
    client = token.client_id
    if client and not _plain(client):
        raise Forbidden("the token's client holds characters that no name has")
    return Actor(user, client, _groups(token, rules))


def is_machine(actor: Actor) -> bool:
    """A ServiceAccount or an API key: it may never decide on a gate."""
    return actor.user.startswith((SERVICE_ACCOUNT, "apikey:"))


def namespace_of_account(user: str) -> str | None:
    """The namespace of a ServiceAccount's user name; None for everybody else's."""
    found = _SERVICE_ACCOUNT_NAME.fullmatch(user)
    return found["namespace"] if found else None


def _service_account(user: str, token: AccessToken, rules: IdentityRules) -> Actor:
    found = _SERVICE_ACCOUNT_NAME.fullmatch(user)
    if found is None or token.claims.get(PROVED_BY) != TOKEN_REVIEW:
        raise Forbidden(f"{user} is a name of the cluster's own and may not be used here")
    if found["namespace"] in rules.refused_namespaces:
        raise Forbidden(f"ServiceAccounts of namespace {found['namespace']} may not call this server")
    # Constrained impersonation refuses groups and extras for ServiceAccounts, so their client is their own name;
    # the admission policies derive the same.
    return Actor(user, f"sa:{found['namespace']}:{found['name']}")


def _groups(token: AccessToken, rules: IdentityRules) -> tuple[str, ...]:
    claimed = token.claims.get(GROUPS) or ()
    listed = rules.allowed_groups.intersection(claimed)
    allowed = {group for group in listed if not group.startswith("system:") and _plain(group)}
    if len(allowed) > MAX_GROUPS:
        raise Forbidden(f"the token names more than {MAX_GROUPS} groups")
    return tuple(sorted(allowed))


def _plain(name: str) -> bool:
    # These go into HTTP headers: what is not ASCII has no agreed form there, and one person would become two.
    return 0 < len(name) <= MAX_NAME and name.isascii() and name.isprintable() and name == name.strip()
