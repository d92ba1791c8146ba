"""A gate of the engine as an ApprovalRequest's content, and back."""

from __future__ import annotations

from penstock.api.v1alpha1.approval import ApprovalRequest, Request, RunReference
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun
from penstock.api.v1alpha1.workflow import Approvers
from penstock.engine.commands import AskGate
from penstock.engine.digests import canonical
from penstock.engine.facts import Decision, GateFact, Verdict

MAX_MESSAGE = 4096
"""Characters of a message that an ApprovalRequest holds."""


def gate_request(run: WorkflowRun, command: AskGate, nonce: str) -> Request:
    """What is asked, of whom."""
    return Request(
        run=RunReference(name=run.metadata.name, uid=run.metadata.uid),
        step=command.step,
        attempt=command.attempt,
        digest=command.digest,
        subject=canonical(dict(command.subject)).decode(),
        requested_by=run.spec.requested_by or RequestedBy(user=""),
        approvers=Approvers(users=command.gate.users, groups=command.gate.groups),
        quorum=command.gate.quorum,
        message=command.message[:MAX_MESSAGE],
        expires_at=command.expires_at,
        nonce=nonce,
    )


def gate_fact(request: ApprovalRequest) -> GateFact:
    """What the engine is told of an ApprovalRequest: the votes that were let through, in their order."""
    votes = tuple(
        Decision(vote.by, Verdict(vote.verdict), vote.digest, vote.client, vote.comment)
        for vote in request.spec.decisions
    )
    pending = request.status.phase == "Pending"
    return GateFact(request.metadata.name, request.spec.request.digest, votes, open=pending)
