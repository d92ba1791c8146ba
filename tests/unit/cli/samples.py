"""Runs, Workflows and approvals to show."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.engine.digests import canonical

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def at(seconds: float) -> str:
    """A moment so many seconds after noon, as the API writes it."""
    return (NOON + timedelta(seconds=seconds)).isoformat()


def a_workflow(name: str = "order", **spec: Any) -> Workflow:
    spec.setdefault("steps", [{"name": "charge", "script": {"runtime": "bash", "source": "true"}}])
    return Workflow.model_validate({"metadata": {"name": name}, "spec": spec})


def a_run(
    phase: str = "Running", *, name: str = "order-1", steps: dict[str, Any] | None = None, **status: Any
) -> WorkflowRun:
    listed = {step: {"phase": "Pending", **state} for step, state in (steps or {}).items()}
    return WorkflowRun.model_validate(
        {
            "metadata": {"name": name, "uid": "uid-1", "creationTimestamp": at(-90)},
            "spec": {"workflow": {"name": "order"}, "requestedBy": {"user": "bob"}},
            "status": {"phase": phase, "startedAt": at(-60), "steps": listed, **status},
        }
    )


def waiting(gate: str = "order-1-release-0") -> dict[str, Any]:
    """The status of a step that waits at a gate."""
    return {
        "phase": "Waiting",
        "gate": {"name": gate, "round": 1, "digest": "sha256:0", "expiresAt": at(3600)},
    }


def an_approval(
    name: str = "order-1-release-0",
    *,
    subject: Any = None,
    digest: str | None = None,
    phase: str = "Pending",
    decisions: tuple[dict[str, Any], ...] = (),
    **request: Any,
) -> ApprovalRequest:
    text = canonical(subject if subject is not None else {"step": "release"}).decode()
    own = "sha256:" + hashlib.sha256(b"penstock-approval/v1\n" + text.encode()).hexdigest()
    fields = {
        "run": {"name": "order-1", "uid": "uid-1"},
        "step": "release",
        "attempt": 1,
        "requestedBy": {"user": "bob", "client": "agent-7"},
        "approvers": {"users": ["alice"], "groups": ["leads"]},
        "quorum": 1,
        "message": "Release it?",
        "expiresAt": at(3600),
        "nonce": "n",
    }
    return ApprovalRequest.model_validate(
        {
            "metadata": {"name": name},
            "spec": {
                "request": {**fields, **request, "subject": text, "digest": digest or own},
                "decisions": [{"digest": digest or own, **decision} for decision in decisions],
            },
            "status": {"phase": phase},
        }
    )


def as_text(value: Any) -> str:
    return json.dumps(value)
