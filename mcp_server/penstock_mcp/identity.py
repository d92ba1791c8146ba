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
from penstock_mcp.signin.freshness import Freshness
from penstock_mcp.signin.proof import Proof, ProvedBy, proof_of

SERVICE_ACCOUNT = "system:serviceaccount:"
API_KEY = "apikey:"
MAX_NAME = 253
MAX_GROUPS = 256

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

    def may(self, scope: str) -> bool:
        """What the caller showed is good for this scope. Raises Forbidden where there is no identity."""

    def person(self) -> bool:
        """A person signed in, or started this process. Raises Forbidden where there is no identity."""

    def signed_in_recently(self) -> bool:
        """They did so recently enough to vote. Raises Forbidden where there is no identity."""


class OwnIdentity:
    """Over stdio: the caller is whoever started this process, with their own kubeconfig or their own machine."""

    def current(self) -> Actor | None:
        """Always the person whose process this is."""
        return None

    def may(self, scope: str) -> bool:  # noqa: ARG002 - a kubeconfig has no scopes; the API server decides
        """Everything: the person's own rights are the only bound."""
        return True

    def person(self) -> bool:
        """As far as this process can tell; the API server knows the account's kind."""
        return True

    def signed_in_recently(self) -> bool:
        """Nobody signs in at a process of their own."""
        return True


class TokenIdentities:
    """Over HTTP: the caller is who the request's token proves."""

    def __init__(
        self,
        rules: IdentityRules,
        read_token: Callable[[], AccessToken | None] = get_access_token,
        freshness: Freshness = Freshness(),  # noqa: B008 - it cannot be changed
    ) -> None:
        self._rules = rules
        self._freshness = freshness
        self._read_token = read_token

    def current(self) -> Actor | None:
        """The identity of the request's token. Raises Forbidden without one, and for names that may not pass."""
        return identify(self._proof(), self._rules)

    def may(self, scope: str) -> bool:
        """The request's token or key has this scope."""
        return scope in self._proof().scopes

    def person(self) -> bool:
        """Somebody signed in for the request's token."""
        return self._proof().person

    def signed_in_recently(self) -> bool:
        """The request's token says that its person did."""
        return self._freshness.allows(self._proof())

    def _proof(self) -> Proof:
        token = self._read_token()
        proof = proof_of(token) if token is not None else None
        if proof is None:
            raise Forbidden("this call carries no identity", hint="Send a token: Authorization: Bearer …")
        return proof


def identify(proof: Proof, rules: IdentityRules) -> Actor:
    """The identity that a proof stands for. Raises Forbidden where it may not pass."""
    user, client = proof.user, proof.client
    if not _plain(user):
        raise Forbidden("the token's user name is empty, too long or holds characters that no name has")
    if user.startswith("system:"):
        return _service_account(user, proof, rules)
    if client and not _plain(client):
        raise Forbidden("the token's client holds characters that no name has")
    if user.startswith(API_KEY) or (client.startswith(("sa:", API_KEY)) and proof.by is not ProvedBy.API_KEY):
        # Policies and people tell programs by these names.
        raise Forbidden("the token's user or client has a name that only ServiceAccounts and API keys have")
    return Actor(user, client, _groups(proof, rules))


def is_machine(actor: Actor) -> bool:
    """A ServiceAccount or an API key: it may never decide on a gate."""
    return actor.user.startswith((SERVICE_ACCOUNT, API_KEY)) or actor.client.startswith(API_KEY)


def namespace_of_account(user: str) -> str | None:
    """The namespace of a ServiceAccount's user name; None for everybody else's."""
    found = _SERVICE_ACCOUNT_NAME.fullmatch(user)
    return found["namespace"] if found else None


def _service_account(user: str, proof: Proof, rules: IdentityRules) -> Actor:
    found = _SERVICE_ACCOUNT_NAME.fullmatch(user)
    if found is None or proof.by is not ProvedBy.TOKEN_REVIEW:
        raise Forbidden(f"{user} is a name of the cluster's own and may not be used here")
    if found["namespace"] in rules.refused_namespaces:
        raise Forbidden(f"ServiceAccounts of namespace {found['namespace']} may not call this server")
    # Constrained impersonation refuses groups and extras for ServiceAccounts, so their client is their own name;
    # the admission policies derive the same.
    return Actor(user, f"sa:{found['namespace']}:{found['name']}")


def _groups(proof: Proof, rules: IdentityRules) -> tuple[str, ...]:
    listed = rules.allowed_groups.intersection(proof.groups)
    allowed = {group for group in listed if not group.startswith("system:") and _plain(group)}
    if len(allowed) > MAX_GROUPS:
        raise Forbidden(f"the token names more than {MAX_GROUPS} groups")
    return tuple(sorted(allowed))


def _plain(name: str) -> bool:
    # These go into HTTP headers: what is not ASCII has no agreed form there, and one person would become two.
    return 0 < len(name) <= MAX_NAME and name.isascii() and name.isprintable() and name == name.strip()
