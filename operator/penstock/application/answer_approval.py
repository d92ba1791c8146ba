"""Deciding on a gate: one person, one word, bound to the digest that was shown."""

from __future__ import annotations

import asyncio

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.engine.facts import Verdict
from penstock.errors import InvalidInput, NotFound, NotPossible
from penstock.ports.access import Access, Key

APPEARS_WITHIN = (0.05, 0.1, 0.2, 0.4)
"""Seconds between looks: a run says that it waits a moment before its ApprovalRequest is there (write-ahead)."""


async def answer_approval(
    access: Access, key: Key, verdict: Verdict, comment: str = "", *, digest: str | None = None
) -> ApprovalRequest:
    """Append the caller's decision. `digest`: what the caller saw; refused when the request is about something else.

    Raises NotFound, NotPossible when it was settled, InvalidInput when the digest differs or a reason is missing,
    Forbidden with the guard's own words.
    """
    request = await _requested(access, key)
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
    decision = Decision(
        by=actor.user,
        client=actor.client,
        verdict=verdict.value,
        comment=comment,
        digest=request.spec.request.digest,
    )
    return await access.approvals.decide(key, decision)


async def _requested(access: Access, key: Key) -> ApprovalRequest:
    for wait in APPEARS_WITHIN:
        try:
            return await access.approvals.get(key)
        except NotFound:
            await asyncio.sleep(wait)
    return await access.approvals.get(key)
