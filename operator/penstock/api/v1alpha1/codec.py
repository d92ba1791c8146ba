"""RunState <-> status of a WorkflowRun, and the run's own constants. What is written can be read back unchanged.

Outputs that are kept beside the run object are the exception: their states come back without the value.

Texts longer than the schema allows are cut, for a status that the API server refuses would hold the run up for ever.
"""

from __future__ import annotations

from types import MappingProxyType

from penstock.api.v1alpha1.cutting import cut
from penstock.api.v1alpha1.item_codec import items_state, items_status
from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.api.v1alpha1.run import (
    CachedStatus,
    ErrorStatus,
    GateStatus,
    StepStatus,
    WorkflowRun,
    WorkflowRunStatus,
)
from penstock.api.v1alpha1.workflow import Revision
from penstock.engine.model import (
    CachedFrom,
    Failure,
    Gate,
    GateState,
    Origin,
    OutputRef,
    Plan,
    RunPhase,
    RunState,
    StepKind,
    StepPhase,
    StepState,
)

MAX_TEXT = 4096
MAX_CODE = 128
MAX_NAME = 63
MAX_DECIDERS = 64


def origin(run: WorkflowRun) -> Origin:
    """What never changes about a run. `user` is empty where nobody was stamped on it."""
    by = run.spec.requested_by
    return Origin(
        namespace=run.metadata.namespace,
        name=run.metadata.name,
        uid=run.metadata.uid,
        user=by.user if by else "",
        client=by.client if by else "",
        groups=by.groups if by else (),
        context=MappingProxyType(dict(run.spec.context)),
        workflow=run.spec.workflow.name if run.spec.workflow else "",
        idempotency_key=run.spec.idempotency_key,
    )


def run_state(status: WorkflowRunStatus) -> RunState:
    """The state that a status says. Raises ValueError for a phase that this version does not know."""
    return RunState(
        phase=RunPhase(status.phase),
        steps=MappingProxyType({name: _step_state(name, step) for name, step in status.steps.items()}),
        started_at=status.started_at,
        finished_at=status.finished_at,
        output=status.output,
        stored=output_ref(status.output_ref),
        failure=_failure(status.error),
        suspended=status.suspended,
        stopping=RunPhase(status.stopping) if status.stopping else None,
        concurrency_key=status.concurrency_key,
        queued=status.waiting_for if status.phase == RunPhase.PENDING and not status.steps else None,
    )


def run_status(state: RunState, plan: Plan, revision: Revision | None) -> WorkflowRunStatus:
    """The status that says a state: with every step of the plan once it has begun, how far it is, what it waits for.

    Conditions are left to the caller; there are none in what comes back.
    """
    # Steps are listed from the moment that the run begins: without them nothing of it can have started.
    names = (*plan.steps, *(name for name in state.steps if name not in plan.steps)) if state.steps else ()
    finished = sum(state.step(name).phase.finished for name in plan.steps)
    return WorkflowRunStatus(
        phase=state.phase,
        progress=f"{finished}/{len(plan.steps)}",
        cached=sum(step.cached is not None for step in state.steps.values()),
        waiting_for=cut(state.queued, MAX_TEXT) if state.queued is not None else _waiting_for(state, plan),
        suspended=state.suspended,
        stopping=state.stopping,
        revision=revision,
        concurrency_key=state.concurrency_key,
        steps={name: _step_status(state.step(name)) for name in names},
        output=state.output if state.stored is None else None,
        output_ref=_output_reference(state.stored),
        error=_error(state.failure),
        started_at=state.started_at,
        finished_at=state.finished_at,
    )


def _step_state(name: str, status: StepStatus) -> StepState:
    return StepState(
        phase=StepPhase(status.phase),
        attempt=status.attempt,
        digest=status.digest,
        uid=status.uid,
        started_at=status.started_at,
        finished_at=status.finished_at,
        retry_at=status.retry_at,
        until=status.until,
        carried=status.carried,
        cache_digest=status.cache_digest,
        cached=CachedFrom(status.cached.run, status.cached.finished_at) if status.cached else None,
        output=status.output,
        stored=output_ref(status.output_ref),
        failure=_failure(status.error),
        gate=_gate_state(status.gate),
        message=status.message,
        items=items_state(status.items, name) if status.items else None,
    )


def _step_status(state: StepState) -> StepStatus:
    return StepStatus(
        phase=state.phase,
        attempt=state.attempt,
        digest=state.digest,
        uid=state.uid,
        started_at=state.started_at,
        finished_at=state.finished_at,
        retry_at=state.retry_at,
        until=state.until,
        carried=state.carried,
        cache_digest=state.cache_digest,
        cached=CachedStatus(run=state.cached.run, finished_at=state.cached.finished_at) if state.cached else None,
        output=state.output if state.stored is None else None,
        output_ref=_output_reference(state.stored),
        error=_error(state.failure),
        gate=_gate_status(state.gate),
        message=cut(state.message, MAX_TEXT) if state.message is not None else None,
        items=items_status(state.items) if state.items else None,
    )


def output_ref(reference: OutputReference | None) -> OutputRef | None:
    """Where an output is kept, in the engine's own words."""
    return OutputRef(reference.name, reference.digest, reference.size) if reference else None


def _output_reference(ref: OutputRef | None) -> OutputReference | None:
    return OutputReference(name=ref.name, digest=ref.digest, size=ref.size) if ref else None


def _failure(status: ErrorStatus | None) -> Failure | None:
    return Failure(status.code, status.reason, status.step) if status else None


def _error(failure: Failure | None) -> ErrorStatus | None:
    if failure is None:
        return None
    step = cut(failure.step, MAX_NAME) if failure.step is not None else None
    return ErrorStatus(code=cut(failure.code, MAX_CODE), reason=cut(failure.reason, MAX_TEXT), step=step)


def _gate_state(status: GateStatus | None) -> GateState | None:
    if status is None:
        return None
    return GateState(
        name=status.name,
        round=status.round,
        digest=status.digest,
        expires_at=status.expires_at,
        outcome=status.outcome,
        decided_by=status.decided_by,
    )


def _gate_status(gate: GateState | None) -> GateStatus | None:
    if gate is None:
        return None
    return GateStatus(
        name=gate.name,
        round=gate.round,
        digest=gate.digest,
        expires_at=gate.expires_at,
        outcome=gate.outcome,
        decided_by=gate.decided_by[:MAX_DECIDERS],
    )


def _waiting_for(state: RunState, plan: Plan) -> str | None:
    """The gates that are asked and not answered and whom they wait for; moments; a suspension."""
    waits = ["suspended: set spec.suspend to false to go on"] if state.suspended else []
    for name, step in plan.steps.items():
        of_run = state.step(name)
        waiting = of_run.phase is StepPhase.WAITING and of_run.gate is not None and of_run.gate.outcome is None
        if waiting and of_run.gate is not None and step.gate is not None:
            waits.append(f"{name}: approval {of_run.gate.name} by {_whom(step.gate)}")
        elif step.kind is StepKind.WORKFLOW and of_run.phase.alive and state.phase is RunPhase.WAITING:
            waits.append(f"{name}: {of_run.message or 'its own run'}")
        elif of_run.phase is StepPhase.WAITING and of_run.until is not None:
            waits.append(f"{name}: until {of_run.until.isoformat(timespec='seconds')}")
    return cut("; ".join(waits), MAX_TEXT) if waits else None


def _whom(gate: Gate) -> str:
    people = [*gate.users, *(f"group {group}" for group in gate.groups)]
    anyone = " or ".join(people)
    return f"{gate.quorum} of {anyone}" if gate.quorum > 1 else anyone
