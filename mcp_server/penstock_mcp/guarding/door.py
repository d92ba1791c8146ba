"""The door of the HTTP server: who is nobody, asks too often, sends too much or lacks a scope goes no further.

It stands behind the check of Host and Origin and the framework's own reading of the token. Whatever is not public by
its exact path needs a proved identity, so no odd spelling of a path leads around it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastmcp.server.auth import AccessToken
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.application.scopes import APPROVALS_DECIDE, ASKED_AT_SIGN_IN
from penstock_mcp.guarding.bodies import BODY_SECONDS, Asked, Intake, Refusal, asked, read_body, replayed
from penstock_mcp.guarding.buckets import Buckets
from penstock_mcp.guarding.needed_scope import CALL, scope_of_method
from penstock_mcp.signin.freshness import Freshness
from penstock_mcp.signin.proof import Proof, ProvedBy, proof_of
from penstock_mcp.signin.resource import ProtectedResource

log = logging.getLogger(__name__)

RAW_BODY = "penstock.body"
"""Where the body as it came is kept in the request's scope; a signature is over these bytes."""
PUBLIC = frozenset({"/healthz", "/readyz"})
WELL_KNOWN = "/.well-known/"
MAX_AT_ONCE = 64
"""Requests of one caller that are open at once; most of them wait for runs."""


@dataclass(frozen=True, slots=True)
class DoorRules:
    """What is asked of everybody."""

    resource: ProtectedResource | None
    """How people sign in; None where nobody can."""
    buckets: Buckets
    scope_of_tool: Callable[[str], Awaitable[str]]
    refused: Callable[[str], None]
    """Told each refusal, for the figures."""
    freshness: Freshness = Freshness()  # noqa: RUF009 - it cannot be changed
    """How long ago whoever votes may have signed in."""
    max_at_once: int = MAX_AT_ONCE
    body_seconds: float = BODY_SECONDS


class Door:
    """An ASGI application in front of another."""

    def __init__(self, app: ASGIApp, rules: DoorRules) -> None:
        self._app = app
        self._rules = rules
        self._open: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request in, or answer it."""
        if scope["type"] != "http" or _public(scope):
            await self._app(scope, receive, send)
            return
        intake = Intake(receive)
        try:
            proof = self._proved(scope)
            with self._turn(proof):
                await self._app(scope, await self._checked(proof, scope, intake), send)
        except Refusal as refusal:
            self._rules.refused(refusal.error)
            await intake.drain()
            await _answer(send, refusal)

    def _proved(self, scope: Scope) -> Proof:
        user = scope.get("user")
        token = user.access_token if isinstance(user, AuthenticatedUser) else None
        proof = proof_of(token) if isinstance(token, AccessToken) else None
        if proof is None:
            given = Headers(scope=scope).get("authorization", "")
            raise self._unknown(scope["path"], shown=given[:7].lower() == "bearer ")
        return proof

    def _unknown(self, path: str, *, shown: bool) -> Refusal:
        """401; without an error where nothing was shown, as RFC 6750 3.1 wants it."""
        parts = ['error="invalid_token"'] if shown else []
        if self._rules.resource is not None:
            parts.append(self._rules.resource.challenge(path))
        text = "the token or key is not valid here: made for somebody else, expired, revoked or unknown"
        challenge = {"WWW-Authenticate": " ".join(["Bearer", ", ".join(parts)]).strip()}
        if not shown:
            return Refusal(401, "no_token", "send a token: Authorization: Bearer …", challenge)
        return Refusal(401, "invalid_token", text, challenge)

    @contextmanager
    def _turn(self, proof: Proof) -> Iterator[None]:
        caller = (proof.user, proof.client)
        wait = self._rules.buckets.take(caller)
        if wait > 0.0:
            raise _too_often("too many requests", wait)
        if self._open[caller] >= self._rules.max_at_once:
            raise _too_often(f"{self._rules.max_at_once} requests of yours are open already", 1.0)
        self._open[caller] += 1
        try:
            yield
        finally:
            self._open[caller] -= 1
            if not self._open[caller]:
                del self._open[caller]

    async def _checked(self, proof: Proof, scope: Scope, receive: Receive) -> Receive:
        if scope["method"] != "POST":
            return receive
        declared = Headers(scope=scope).get("content-length")
        body = await read_body(receive, declared, self._rules.body_seconds)
        # Text of some size takes a while to parse: others are served meanwhile.
        what = await asyncio.to_thread(asked, body) if len(body) > 65_536 else asked(body)
        await self._require_scope(proof, what, scope["path"])
        scope[RAW_BODY] = body
        return replayed(body, receive)

    async def _require_scope(self, proof: Proof, what: Asked, path: str) -> None:
        called = what.method == CALL
        needed = await self._rules.scope_of_tool(what.name) if called else scope_of_method(what.method)
        if needed is None or needed in proof.scopes:
            if needed == APPROVALS_DECIDE and proof.person and not self._rules.freshness.allows(proof):
                log.info("%s through %s signed in too long ago to vote", proof.user, proof.client or "no client")
                raise self._stale(path)
            return
        signs_in = proof.by is ProvedBy.OPENID and (proof.person or needed != APPROVALS_DECIDE)
        if called and not signs_in:
            # No other token would help; the tool says so in words that an agent reads.
            return
        log.info("%s through %s lacks the scope %s", proof.user, proof.client or "no client", needed)
        raise self._lacking(needed, path, signs_in=signs_in)

    def _lacking(self, needed: str, path: str, *, signs_in: bool) -> Refusal:
        """403 that names the scope; clients ask the person to sign in for it (RFC 6750 3.1, RFC 9728)."""
        challenge = f'Bearer error="insufficient_scope", scope="{needed}"'
        if signs_in and self._rules.resource is not None:
            challenge += f", {self._rules.resource.metadata_parameter(path)}"
        return Refusal(403, "insufficient_scope", f"this needs the scope {needed}", {"WWW-Authenticate": challenge})

    def _stale(self, path: str) -> Refusal:
        """401 that says how recent a sign-in has to be; clients ask the person to sign in again (RFC 9470)."""
        seconds, scopes = self._rules.freshness.seconds, (*ASKED_AT_SIGN_IN, APPROVALS_DECIDE)
        text = f"to vote, a person has to have signed in within the last {seconds} seconds"
        parts = [
            'error="insufficient_user_authentication"',
            f'error_description="{text}"',
            f'max_age="{seconds}"',
            f'scope="{" ".join(scopes)}"',
        ]
        if self._rules.resource is not None:
            parts.append(self._rules.resource.metadata_parameter(path))
        challenge = f"Bearer {', '.join(parts)}"
        return Refusal(401, "insufficient_user_authentication", text, {"WWW-Authenticate": challenge})


def _public(scope: Scope) -> bool:
    path = scope["path"]
    return scope["method"] in ("GET", "HEAD") and (path in PUBLIC or path.startswith(WELL_KNOWN))


def _too_often(text: str, wait: float) -> Refusal:
    return Refusal(429, "too_many_requests", text, {"Retry-After": str(math.ceil(wait))})


async def _answer(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"error": refusal.error, "error_description": refusal.text}).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **refusal.headers}
    # The rest of a body that nobody read would be taken for the next request.
    headers["Connection"] = "close"
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
