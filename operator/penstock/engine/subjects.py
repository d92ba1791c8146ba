"""What exactly runs, as one JSON value: shown to approvers, hashed for gates and attempts, handed to runners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.engine.digests import APPROVAL_SCHEME, ATTEMPT_SCHEME, digest
from penstock.engine.draft import Draft
from penstock.engine.model import StepPlan
from penstock.engine.scope import run_view, step_outputs


def input_document(draft: Draft, step: StepPlan, attempt: int) -> Mapping[str, Any]:
    """The input document of an attempt, less the program and what the runner adds."""
    run = draft.facts.run
    return {
        "context": dict(run.context),
        "steps": step_outputs(draft.plan, draft.state, step),
        "item": None,
        "run": run_view(draft.plan, draft.state, run, step),
        "step": step.name,
        "attempt": attempt,
        "idempotencyKey": f"{run.uid}/{step.name}/{attempt}",
    }


def attempt_digest(draft: Draft, step: StepPlan, attempt: int, program: Mapping[str, Any]) -> str:
    """attemptDigest: over the program, its input and whose attempt it is."""
    return digest(
        ATTEMPT_SCHEME,
        {
            "runUID": draft.facts.run.uid,
            "program": dict(program),
            "document": input_document(draft, step, attempt),
        },
    )


def gate_subject(draft: Draft, step: StepPlan, attempt: int, program: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a gate binds: for `requiresApproval` its step's program and input, for an `approval` step all that is fixed.

    The attempt number is left out unless every attempt is to be decided on, so a retry of unchanged content needs
    no new vote.
    """
    run, gate = draft.facts.run, step.gate
    assert gate is not None
    subject: dict[str, Any] = {
        "namespace": run.namespace,
        "run": run.name,
        "runUID": run.uid,
        "step": step.name,
        "revision": draft.plan.digest,
        "requestedBy": {"user": run.user, "client": run.client},
        "approvers": {"users": list(gate.users), "groups": list(gate.groups)},
        "quorum": gate.quorum,
        "context": dict(run.context),
        "steps": step_outputs(draft.plan, draft.state, step),
    }
    if step.kind.has_program:
        subject["program"] = dict(program)
    if gate.each_attempt:
        subject["attempt"] = attempt
    return subject


def approval_digest(subject: Mapping[str, Any]) -> str:
    """approvalDigest: what a vote says yes to."""
    return digest(APPROVAL_SCHEME, dict(subject))
