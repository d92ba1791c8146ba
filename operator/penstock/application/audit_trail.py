"""What can be held against a run afterwards: who asked, what was shown, who decided, what then ran. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import GateStatus, StepStatus, WorkflowRun
from penstock.application.server_log import LoggedWrite
from penstock.engine.digests import APPROVAL_SCHEME
from penstock.engine.model import StepPhase

_OPENED = {"Approved": "approve", "Bypassed": "bypass"}


@dataclass(frozen=True, slots=True)
class AuditTrail:
    """One run's trail."""

    run: WorkflowRun
    gates: tuple[ApprovalRequest, ...]
    """Every request that was ever asked for it and is still there, oldest first."""
    doubts: tuple[str, ...]
    """What does not fit together, as sentences; nothing of it can come about while the policies are installed."""
    log: tuple[LoggedWrite, ...] = field(default=())
    """Writes about the run in the API server's audit log, where one was given."""

    def wire(self) -> dict[str, Any]:
        """As JSON, texts of others unchanged."""
        meta, spec, status = self.run.metadata, self.run.spec.to_wire(), self.run.status.to_wire()
        return {
            "run": {
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
                "phase": self.run.status.phase,
                **{key: status[key] for key in ("revision", "startedAt", "finishedAt", "error") if key in status},
            },
            "asked": {
                **{
                    key: spec[key] for key in ("requestedBy", "workflow", "context", "retryOf", "parent") if key in spec
                },
                "at": meta.creation_timestamp.isoformat() if meta.creation_timestamp else None,
            },
            "gates": [_gate(request, self.log) for request in self.gates],
            "ran": [_ran(name, step) for name, step in self.run.status.steps.items() if step.attempt],
            "doubts": list(self.doubts),
            "log": [write.wire() for write in self.log],
        }


def audit_trail(run: WorkflowRun, requests: Sequence[ApprovalRequest], log: Sequence[LoggedWrite] = ()) -> AuditTrail:
    """The trail of a run; `requests` are those of its namespace."""
    mine = tuple(request for request in requests if request.spec.request.run.uid == run.metadata.uid)
    doubts = tuple(_doubts(run, mine))
    return AuditTrail(run, mine, doubts, tuple(log))


def decided_at(request: ApprovalRequest, by: str, log: Sequence[LoggedWrite]) -> str | None:
    """When somebody's vote was accepted, by the API server's log; None without one that tells."""
    name, namespace = request.metadata.name, request.metadata.namespace
    for write in log:
        about = (write.resource, write.namespace, write.name) == ("approvalrequests", namespace, name)
        if about and not write.subresource and write.done and by == write.acted_as:
            return write.at
    return None


def _gate(request: ApprovalRequest, log: Sequence[LoggedWrite]) -> dict[str, Any]:
    wire = request.to_wire()
    votes = []
    for vote in wire["spec"].get("decisions", ()):
        at = decided_at(request, vote["by"], log)
        votes.append({**vote, **({"at": at} if at else {})})
    asked = {key: value for key, value in wire["spec"]["request"].items() if key not in ("run", "nonce")}
    return {"approval": request.metadata.name, **asked, "decisions": votes, "outcome": wire.get("status", {})}


def _ran(name: str, step: StepStatus) -> dict[str, Any]:
    wire = step.to_wire()
    told = ("attempt", "digest", "uid", "phase", "startedAt", "finishedAt", "carried", "cached", "error")
    ran = {"step": name, **{key: wire[key] for key in told if wire.get(key)}}
    return {**ran, "gate": wire["gate"]} if "gate" in wire else ran


def _doubts(run: WorkflowRun, requests: Sequence[ApprovalRequest]) -> Iterator[str]:
    known = {request.metadata.name: request for request in requests}
    for request in requests:
        yield from _of_request(request)
    for name, step in run.status.steps.items():
        if step.gate is not None:
            yield from _of_step(name, step, step.gate, known.get(step.gate.name))


def _of_request(request: ApprovalRequest) -> Iterator[str]:
    name, question = request.metadata.name, request.spec.request
    shown = hashlib.sha256(f"{APPROVAL_SCHEME}\n{question.subject}".encode()).hexdigest()
    if question.digest != f"sha256:{shown}":
        yield f"{name} shows other bytes than its digest names."
    for vote in request.spec.decisions:
        if vote.digest != question.digest:
            yield f"{vote.by} decided on another digest than {name} asks about."
        if vote.by == question.requested_by.user:
            yield f"{vote.by} asked for the run and decided on {name}."


def _of_step(name: str, step: StepStatus, gate: GateStatus, request: ApprovalRequest | None) -> Iterator[str]:
    # A retry goes on under the approval of the attempt before it.
    started = step.attempt > 0 and not step.carried
    if started and gate.outcome not in _OPENED and step.phase not in (StepPhase.WAITING, StepPhase.FAILED):
        yield f"Step {name} started, and its gate {gate.name} was not opened."
    if gate.outcome not in _OPENED:
        return
    if request is None:
        yield f"Step {name} passed {gate.name}, and that request is gone."
        return
    if request.spec.request.digest != gate.digest:
        yield f"Step {name} passed {gate.name} for another digest than was asked about."
    verdict = _OPENED[gate.outcome]
    voted = {vote.by for vote in request.spec.decisions if vote.verdict == verdict}
    for by in gate.decided_by:
        if by not in voted:
            yield f"{by} is said to have opened {gate.name}, and there is no such vote."
