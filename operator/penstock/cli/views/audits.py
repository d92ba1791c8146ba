"""The trail of a run, as lines of text."""

from __future__ import annotations

import json
from collections.abc import Iterator

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.meta import Identity
from penstock.api.v1alpha1.run import StepStatus
from penstock.application.audit_trail import AuditTrail, decided_at
from penstock.application.lookalikes import unmistakable
from penstock.application.safe_text import one_line
from penstock.application.server_log import LoggedWrite
from penstock.cli.views.documents import listing
from penstock.cli.views.gates import approvers


def audit_lines(trail: AuditTrail) -> Iterator[str]:
    """The trail for people: texts of others stand behind margins or in quotes."""
    run = trail.run
    yield f"Run        {run.metadata.namespace}/{run.metadata.name} {run.status.phase} ({run.metadata.uid})"
    yield f"Asked by   {_who(run.spec.requested_by)}"
    if run.metadata.creation_timestamp:
        yield f"Asked at   {run.metadata.creation_timestamp.isoformat()}"
    if run.status.revision:
        yield f"Revision   {run.status.revision.name} ({run.status.revision.digest})"
    yield "Context"
    yield from listing(dict(run.spec.context), "  ")
    for request in trail.gates:
        yield ""
        yield from _gate(request, trail.log)
    yield ""
    yield "What ran"
    ran = [(name, step) for name, step in run.status.steps.items() if step.attempt]
    for name, step in ran:
        yield f"  {_ran(name, step)}"
    if not ran:
        yield "  nothing"
    if trail.log:
        yield ""
        yield "By the API server's log"
        yield from (f"  {_logged(write)}" for write in trail.log)
    yield ""
    yield from (f"DOUBT      {one_line(doubt)}" for doubt in trail.doubts)
    if not trail.doubts:
        yield "Every digest and every vote fits."


def _gate(request: ApprovalRequest, log: tuple[LoggedWrite, ...]) -> Iterator[str]:
    question = request.spec.request
    yield f"Gate       {request.metadata.name}, before step {question.step}: {request.status.phase}"
    yield f"Approvers  {approvers(question)}"
    yield f"Digest     {question.digest}"
    for vote in request.spec.decisions:
        at = decided_at(request, vote.by, log)
        through = f" through {one_line(vote.client, 80)}" if vote.client else ""
        comment = f": {one_line(vote.comment, 200)}" if vote.comment else ""
        yield f"Vote       {vote.verdict} by {one_line(vote.by, 80)}{through}{f' at {at}' if at else ''}{comment}"
        yield f"           for {vote.digest}"
    yield "Shown"
    yield from listing(unmistakable(json.loads(question.subject)), "  ")


def _who(identity: Identity | None) -> str:
    if identity is None:
        return "nobody knows"
    return one_line(f"{identity.user} (through {identity.client})" if identity.client else identity.user, 300)


def _ran(name: str, step: StepStatus) -> str:
    began = f" from {step.started_at.isoformat()}" if step.started_at else ""
    until = f" to {step.finished_at.isoformat()}" if step.finished_at else ""
    return f"{name} attempt {step.attempt} {step.phase}{began}{until}, {step.digest or 'items'}, Job {step.uid or '-'}"


def _logged(write: LoggedWrite) -> str:
    who = f"{write.user} as {write.impersonated}" if write.impersonated else write.user
    what = f"{write.resource}/{write.subresource}" if write.subresource else write.resource
    said = "" if write.done else f" REFUSED ({write.code})"
    return one_line(f"{write.at} {who} {write.verb} {what} {write.name}{said}", 400)
