"""Deciding on a gate: one person, one word, bound to the digest that was shown."""

from __future__ import annotations

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.application.find_request import find_request
from penstock.engine.facts import Verdict
from penstock.errors import InvalidInput, NotPossible
from penstock.ports.access import Access, Key


async def answer_approval(
    access: Access, key: Key, verdict: Verdict, comment: str = "", *, digest: str | None = None
) -> ApprovalRequest:
    """Append the caller's decision. `digest`: what the caller saw; refused when the request is about something else.

    Raises NotFound, NotPossible when it was settled or the caller has decided already, InvalidInput when the digest
    differs or a reason is missing, Forbidden with the guard's own words.
    """
    request = await find_request(access, key)
    if request.status.phase != "Pending":
        raise NotPossible(f"approval {key.name} is {request.status.phase} already")
    if digest is not None and digest != request.spec.request.digest:
        raise InvalidInput(
            f"approval {key.name} is about {request.spec.request.digest}, not {digest}",
            hint="Look at the request again before you decide.",
        )
    if verdict is not Verdict.APPROVE and not comment.strip():
        raise InvalidInput(f"to {verdict} needs a reason", hint="Say why: the requester and the audit will read it.")
    actor = await access.caller.whoami()
    if any(vote.by == actor.user for vote in request.spec.decisions):
        raise NotPossible(f"{actor.user} has decided on approval {key.name} already; a decision is final")
    decision = Decision(
        by=actor.user,
        client=actor.client,
        verdict=verdict.value,
        comment=comment,
        digest=request.spec.request.digest,
    )
    return await access.approvals.decide(key, decision)
