"""A gate as the person sees it who must decide: the question, who asks, and exactly what will run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime

from penstock.api.v1alpha1.approval import ApprovalRequest, Request
from penstock.application.lookalikes import unmistakable
from penstock.application.safe_text import harmless, one_line
from penstock.cli.views.documents import listing, text_block
from penstock.cli.views.tables import span
from penstock.engine.digests import APPROVAL_SCHEME
from penstock.errors import BugError


def shown_digest(request: ApprovalRequest) -> str:
    """The digest, worked out here from the bytes that are shown. Raises BugError where the request says another."""
    subject = request.spec.request.subject.encode()
    own = "sha256:" + hashlib.sha256(APPROVAL_SCHEME.encode() + b"\n" + subject).hexdigest()
    if own != request.spec.request.digest:
        raise BugError(
            f"approval {request.metadata.name} names digest {one_line(request.spec.request.digest, 80)}, "
            f"but what it shows has {own}",
            hint="Do not approve it. Somebody or something wrote a request that shows other bytes than it binds.",
        )
    return own


def gate_lines(request: ApprovalRequest, now: datetime) -> Iterator[str]:
    """The whole request. Raises BugError where the digest is not that of what is shown."""
    question = request.spec.request
    yield f"Approval   {request.metadata.namespace}/{request.metadata.name}"
    yield f"Phase      {request.status.phase}{_reason(request)}"
    if question.message:
        yield "Question"
        yield from text_block(unmistakable(question.message), "  ")
    yield f"Run        {question.run.name}, step {question.step}"
    yield f"Asked by   {_asker(question)}"
    yield f"Approvers  {approvers(question)}"
    if request.status.phase == "Pending":
        yield f"Expires    in {span(question.expires_at - now)} ({question.expires_at:%Y-%m-%d %H:%M:%S} UTC)"
    for vote in request.spec.decisions:
        comment = f": {one_line(vote.comment, 200)}" if vote.comment else ""
        yield f"Vote       {vote.verdict} by {one_line(vote.by, 80)}{comment}"
    yield "What exactly it is about"
    yield from listing(unmistakable(json.loads(question.subject)), "  ")
    yield f"Digest     {shown_digest(request)}"


def approvers(question: Request) -> str:
    """Who may decide, and how many are needed."""
    people = [*question.approvers.users, *(f"group {name}" for name in question.approvers.groups)]
    needed = f" ({question.quorum} needed)" if question.quorum > 1 else ""
    return one_line(", ".join(people), 500) + needed


def bounded(lines: tuple[str, ...], limit: int, name: str) -> tuple[str, ...]:
    """At most `limit` lines: the beginning and the last line (the digest), and in between how many are missing."""
    if len(lines) <= limit:
        return lines
    missing = len(lines) - limit
    return (
        *lines[: limit - 1],
        f"  … {missing} lines are NOT shown here. All of it: penstock get approval {harmless(name)}",
        lines[-1],
    )


def _asker(question: Request) -> str:
    asker = question.requested_by
    return one_line(f"{asker.user} (through {asker.client})" if asker.client else asker.user, 300)


def _reason(request: ApprovalRequest) -> str:
    return f" ({one_line(request.status.reason, 200)})" if request.status.reason else ""


def decided_line(request: ApprovalRequest, verdict: str) -> str:
    """What the vote that was just given means."""
    question = request.spec.request
    done = {"approve": "Approved", "reject": "Rejected", "bypass": "Bypassed the gate before"}[verdict]
    text = f"{done} step {question.step} of run {question.run.name} ({question.digest})."
    people = len({vote.by for vote in request.spec.decisions if vote.verdict == "approve"})
    if verdict == "approve" and people < question.quorum:
        return f"{text} {question.quorum - people} more must approve."
    return text
