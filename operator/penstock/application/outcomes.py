"""What a run came to, in the shapes that agents and scripts rely on. Pure.

{"status": "success", "output", "run"}                 with `message` where the output cannot be read
{"status": "failed", "error", "error_code", "details": {"failed_step", "reason"}, "run"}
{"status": "timeout", "error", "run", "message"}      the caller's own waiting time ran out
{"status": "waiting", "approvals": [...], "run"}      with a "message" where the run is suspended
{"status": "running", "run", "progress"}              the server's own waiting budget ran out; with "message" where the
                                                      run waits for something
{"status": "cancelled", "run"}
"""

from __future__ import annotations

from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.model import RunPhase


def outcome(run: WorkflowRun, approvals: tuple[ApprovalRequest, ...] = (), *, unread: str = "") -> dict[str, Any]:
    """The run as it stands, with its output in its status (application/kept_outputs.py).

    `approvals`: its requests, where they are at hand, for their messages. `unread`: why its output is not there.
    """
    name = run_id(run)
    match RunPhase(run.status.phase):
        case RunPhase.SUCCEEDED:
            success = {"status": "success", "output": run.status.output, "run": name}
            return {**success, "message": unread} if unread else success
        case RunPhase.CANCELLED:
            return {"status": "cancelled", "run": name}
        case RunPhase.FAILED | RunPhase.TIMED_OUT:
            return _failed(run)
        case RunPhase.WAITING:
            return {"status": "waiting", "approvals": _open_gates(run, approvals), "run": name, **_held(run)}
        case _:
            running = {"status": "running", "run": name, "progress": run.status.progress}
            waits = run.status.waiting_for
            return {**running, "message": f"The run waits for {waits}."} if waits else running


def timed_out(run: WorkflowRun, seconds: float) -> dict[str, Any]:
    """The caller's waiting time ran out; the run goes on."""
    return {
        "status": "timeout",
        "error": f"Workflow did not complete within {seconds:g} seconds",
        "run": run_id(run),
        "message": "The run goes on. Use wait_for_run or get_run to follow it, cancel_run to stop it.",
    }


def run_id(run: WorkflowRun) -> str:
    """`namespace/name`, as every tool and command takes it."""
    return f"{run.metadata.namespace}/{run.metadata.name}"


def _failed(run: WorkflowRun) -> dict[str, Any]:
    error = run.status.error
    code = error.code if error else "FAILED"
    reason = error.reason if error else "the run failed"
    step = error.step if error else None
    return {
        "status": "failed",
        "error": f"Step {step} failed: {reason}" if step else reason,
        "error_code": code,
        "details": {"failed_step": step, "reason": reason},
        "run": run_id(run),
    }


def _held(run: WorkflowRun) -> dict[str, str]:
    return {"message": "The run is suspended; nothing starts before it is resumed."} if run.status.suspended else {}


def _open_gates(run: WorkflowRun, approvals: tuple[ApprovalRequest, ...]) -> list[dict[str, Any]]:
    requests = {request.metadata.name: request for request in approvals}
    return [
        _gate(run, step, status, requests.get(status.gate.name))
        for step, status in run.status.steps.items()
        if status.phase == "Waiting" and status.gate is not None
    ]


def _gate(run: WorkflowRun, step: str, status: StepStatus, request: ApprovalRequest | None) -> dict[str, Any]:
    assert status.gate is not None
    view: dict[str, Any] = {
        "request_id": f"{run.metadata.namespace}/{status.gate.name}",
        "step": step,
        "expires_at": status.gate.expires_at.isoformat(),
        "digest": status.gate.digest,
    }
    if request is not None:
        question = request.spec.request
        view["message"] = question.message
        view["quorum"] = question.quorum
        view["approvers"] = {"users": list(question.approvers.users), "groups": list(question.approvers.groups)}
    return view
