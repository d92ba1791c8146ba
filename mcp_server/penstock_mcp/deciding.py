"""What must hold before a decision is passed on, and what is said after it.

The API server's guard decides for itself; this says the same earlier and in plainer words.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from fastmcp.server.dependencies import get_http_request
from fastmcp.tools.base import ToolResult

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.application.answer_approval import answer_approval
from penstock.application.scopes import APPROVALS_DECIDE
from penstock.engine.digests import APPROVAL_SCHEME
from penstock.engine.facts import Verdict
from penstock.errors import Forbidden, NotPossible, PenstockError
from penstock.ports.access import Access, Actor, Key
from penstock_mcp.calls import Callers
from penstock_mcp.client_secrets import SecretsOf, no_secrets
from penstock_mcp.guarding.door import RAW_BODY
from penstock_mcp.identity import is_machine
from penstock_mcp.signatures import ClientKey, SignedRequest, Vote, flaw
from penstock_mcp.text import one_line, shown
from penstock_mcp.views import answer, request_id

log = logging.getLogger(__name__)

MAX_SUBJECT = 600_000
"""Characters that an answer can show at once; clients refuse a message beyond 1 MiB."""
SIGNATURE = "penstock-signature"

_BY_A_PERSON = (
    "A person decides, in a client of their own: over stdio with their own kubeconfig, with `penstock approve` or "
    "`penstock reject`, or with kubectl."
)


class Decider:
    """Passes decisions on for people who may make them here."""

    def __init__(self, callers: Callers, now: Callable[[], datetime], secrets_of: SecretsOf = no_secrets) -> None:
        self._callers = callers
        self._now = now
        self._secrets_of = secrets_of

    async def decidable(self, key: Key) -> ApprovalRequest:
        """The request, if this caller may say a word on it here. Raises Forbidden, NotFound, NotPossible."""
        access = self._callers.access()
        identity = self._callers.identity()
        try:
            await require_person(self._callers, identity, access)
            request = await access.approvals.get(key)
            require_showable(request)
            if request.status.phase != "Pending":
                raise NotPossible(f"approval {key.name} is {request.status.phase} already")
            if not access.local:
                require_not_asking(request, identity or await access.caller.whoami())
        except PenstockError as refused:
            who = identity.user if identity else "the person of this process"
            log.warning("%s may not decide on %s: %s", who, key, one_line(str(refused), 300))
            raise
        return request

    async def decide(self, request: ApprovalRequest, verdict: Verdict, comment: str) -> ToolResult:
        """Pass the vote on. Raises Forbidden where it has to be signed and is not, or in the guard's own words."""
        access = self._callers.access()
        key = Key(request.metadata.namespace, request.metadata.name)
        await self._require_signature(request, verdict)
        voted = await answer_approval(access, key, verdict, comment, digest=request.spec.request.digest)
        return decided(voted, verdict)

    async def signing(self, request: ApprovalRequest) -> dict[str, str] | None:
        """What this caller's client signs beside the digest; None where it shares no secret with us."""
        identity = self._callers.identity()
        if identity is None or not await self._keys(identity):
            return None
        return {"uid": request.metadata.uid, "nonce": request.spec.request.nonce, "by": identity.user}

    async def _keys(self, identity: Actor) -> Sequence[ClientKey]:
        return await asyncio.to_thread(self._secrets_of, identity.client)

    async def _require_signature(self, request: ApprovalRequest, verdict: Verdict) -> None:
        identity = self._callers.identity()
        if identity is None or not (keys := await self._keys(identity)):
            return
        question = request.spec.request
        vote = Vote(request.metadata.uid, question.nonce, question.digest, verdict.value, identity.user)
        wrong = flaw(_this_request(), vote, keys, self._now())
        if wrong is not None:
            log.warning("%s through %s: decision refused: %s", identity.user, identity.client, wrong)
            raise Forbidden(wrong, hint="The client has to sign this very request; its secret is configured here.")


async def require_person(callers: Callers, identity: Actor | None, access: Access) -> None:
    """Raise Forbidden unless a person decides, through a client that is known, with a token for deciding."""
    actor = identity if identity is not None else await access.caller.whoami()
    if is_machine(actor):
        raise Forbidden("ServiceAccounts and API keys may not decide on gates", hint=_BY_A_PERSON)
    if identity is None:
        return
    if not callers.person():
        raise Forbidden("this token is a program's, or somebody acts for a person with it", hint=_BY_A_PERSON)
    if not callers.may(APPROVALS_DECIDE):
        raise Forbidden(f"the token lacks the scope {APPROVALS_DECIDE}", hint="Sign in again, and allow it.")
    if not callers.signed_in_recently():
        raise Forbidden("to decide, a person has to have signed in a short while ago", hint="Sign in again.")
    if not identity.client:
        # Without it nobody could tell that the client which asked for the run is not the one that decides.
        raise Forbidden("the token does not prove which client this call comes through", hint=_BY_A_PERSON)


def require_not_asking(request: ApprovalRequest, actor: Actor) -> None:
    """Raise Forbidden for whoever asked for the run, and for the client that did, whoever uses it now."""
    asked = request.spec.request.requested_by
    if actor.user == asked.user:
        raise Forbidden(
            f"{asked.user} asked for this run and may not decide on it", hint="Somebody else has to decide."
        )
    if actor.client and actor.client == asked.client:
        raise Forbidden(
            f"the client {asked.client} asked for this run, and no decision on it can come through it",
            hint="Decide in another client, with `penstock approve`, or with kubectl.",
        )


def require_showable(request: ApprovalRequest) -> None:
    """Raise NotPossible unless all that the gate binds can be shown, and is what its digest says."""
    question = request.spec.request
    if len(shown(question.subject)) > MAX_SUBJECT:
        raise NotPossible(
            "what this gate is about is too long to be shown here, and nobody should decide on less",
            hint=f"See all of it with `penstock get approval {request_id(request)} -o yaml`, and decide there.",
        )
    content = f"{APPROVAL_SCHEME}\n{question.subject}".encode()
    if question.digest != "sha256:" + hashlib.sha256(content).hexdigest():
        raise NotPossible(
            "the digest of this gate is not that of the content it shows",
            hint="Do not decide on it; tell who runs the cluster.",
        )


def decided(request: ApprovalRequest, verdict: Verdict) -> ToolResult:
    """The answer after a decision: what exactly was decided on, and what to do next."""
    question = request.spec.request
    run = f"{request.metadata.namespace}/{question.run.name}"
    word = "Approved" if verdict is Verdict.APPROVE else "Rejected"
    output = {
        "request_id": request_id(request),
        "verdict": verdict.value,
        "step": question.step,
        "digest": question.digest,
        "phase": request.status.phase,
    }
    said = f"{word}: step {question.step} of run {run}, content {question.digest}. Use wait_for_run to see it go on."
    return answer({"status": "success", "output": output, "run": run}, said)


def _this_request() -> SignedRequest:
    """The request that this call came with, its bytes as they came. Only over HTTP is there a client to prove."""
    request = get_http_request()
    return SignedRequest(
        method=request.method,
        path=request.scope["path"],
        headers=request.headers.getlist(SIGNATURE),
        body=request.scope[RAW_BODY],
    )
