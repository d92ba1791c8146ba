"""How a step starts: by way of its gate where it has one, always by way of the write-ahead record."""

from __future__ import annotations

from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId, Failure, StepKind, StepPhase, StepPlan
from penstock.engine.programs import program_of
from penstock.engine.rules.caching import take_cached
from penstock.engine.rules.gates import open_gate
from penstock.engine.rules.item_completion import succeed_with_items
from penstock.engine.rules.item_lists import list_of
from penstock.engine.rules.retries import fail_step
from penstock.engine.rules.waits import begin_wait
from penstock.engine.subjects import attempt_digest, input_document


def start_or_ask(draft: Draft, step: StepPlan) -> Draft:
    """A step that is ready starts, or its gate is asked first; of one that is fanned out the list is needed before."""
    if step.fan_out is not None:
        draft = list_of(draft, step).draft
        items = draft.step(step.name).items
        if items is None or draft.step(step.name).phase.finished:
            return draft
        if len(items.ended) == items.total:
            return succeed_with_items(_start(draft, step), step, items)
    if step.gate is not None:
        return _through_gate(draft, step)
    if step.kind is StepKind.WAIT:
        return begin_wait(draft, step)
    return _start(draft, step)


def restart_after_backoff(draft: Draft) -> Draft:
    """The next attempt of a step whose wait is over; through the gate again where each attempt needs it."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        due = state.phase is StepPhase.BACKOFF and state.retry_at is not None and state.retry_at <= draft.now
        if due and not draft.held:
            draft = start_or_ask(draft, step)
    return draft


def settle_waiting_steps(draft: Draft) -> Draft:
    """Steps at a gate go on, or fail, when it was decided."""
    for step in draft.plan.steps.values():
        if draft.step(step.name).phase is StepPhase.WAITING and step.gate is not None:
            draft = _through_gate(draft, step)
    return draft


def launch_attempts(draft: Draft) -> Draft:
    """Every attempt that is written down and was not seen is (again) asked to exist."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is not None or state.phase is not StepPhase.STARTING:
            continue
        if AttemptId(step.name, state.attempt) not in draft.facts.attempts:
            draft = _launch(draft, step)
    return draft


def reap_attempts(draft: Draft) -> Draft:
    """Every attempt that still lives though its step went on without it is (again) asked to stop."""
    for at, fact in draft.facts.attempts.items():
        if not fact.ended and not _wanted(draft, at):
            draft = draft.emit(StopAttempt(at, _attempt_name(draft, at)))
    return draft


def _wanted(draft: Draft, at: AttemptId) -> bool:
    """The attempt is awaited. So is one that said its word and ends by itself: stopping it would cost its log."""
    state, step = draft.step(at.step), draft.plan.steps.get(at.step)
    if at.batch is None or state.items is None or step is None or step.fan_out is None:
        return state.attempt == at.attempt and (state.phase.alive or state.phase is StepPhase.SUCCEEDED)
    batch = state.items.active.get(at.batch)
    if batch is not None:
        return state.phase.alive and batch.phase.alive and batch.attempt == at.attempt
    first, after = step.fan_out.batch(at.batch, state.items.total)
    return len(state.items.succeeded.within(first, after)) == after - first


def _through_gate(draft: Draft, step: StepPlan) -> Draft:
    """The step behind its gate: started, succeeded (an `approval` step), failed or still waiting."""
    attempt = _next_attempt(draft, step)
    draft = open_gate(draft, step, attempt)
    state = draft.step(step.name)
    if state.phase.finished or state.gate is None or state.gate.outcome not in ("Approved", "Bypassed"):
        return draft
    if draft.held:
        return draft  # what people said is written down and counts when the run goes on
    if step.kind.has_program:
        return _start(draft, step)
    output = {"outcome": state.gate.outcome, "decidedBy": list(state.gate.decided_by)}
    return draft.with_step(step.name, phase=StepPhase.SUCCEEDED, output=output, finished_at=draft.now, message=None)


def _next_attempt(draft: Draft, step: StepPlan) -> int:
    return draft.step(step.name).attempt + 1


def _start(draft: Draft, step: StepPlan) -> Draft:
    if step.fan_out is not None:
        # Its attempts are those of its batches, which begin once it is Starting.
        items = draft.step(step.name).items
        message = items.progress() if items is not None else None
        return draft.with_step(step.name, phase=StepPhase.STARTING, started_at=draft.now, message=message)
    program = program_of(draft, step)
    if program.failure is not None:
        return fail_step(draft, step, program.failure)
    if program.content is None:
        return program.draft
    draft, settled = take_cached(draft, step, program.content)
    if settled:
        return draft
    attempt = _next_attempt(draft, step)
    state = draft.step(step.name)
    return draft.with_step(
        step.name,
        phase=StepPhase.STARTING,
        attempt=attempt,
        digest=attempt_digest(draft, step, attempt, program.content),
        uid=None,
        started_at=draft.now,
        retry_at=None,
        failure=state.failure,
        message=None,
    )


def _launch(draft: Draft, step: StepPlan) -> Draft:
    state = draft.step(step.name)
    program = program_of(draft, step)
    if program.content is None:
        return program.draft if program.failure is None else _superseded(draft, step)
    digest = attempt_digest(draft, step, state.attempt, program.content)
    if digest != state.digest:
        return _superseded(draft, step)
    at = AttemptId(step.name, state.attempt)
    return draft.emit(
        StartAttempt(
            id=at,
            name=_attempt_name(draft, at),
            digest=digest,
            program=program.content,
            document=input_document(draft, step, state.attempt),
        )
    )


def _superseded(draft: Draft, step: StepPlan) -> Draft:
    # What is written down is what may run. What comes here is a change from outside: another image of a runtime, a new
    # content of the Workflow that a child was to run.
    reason = "what this attempt would run changed after it was written down"
    draft = fail_step(draft, step, Failure(FailureCode.SUPERSEDED, reason, step.name))
    return draft.wake(draft.now)  # what ends or starts because of it is for the rules before this one


def _attempt_name(draft: Draft, at: AttemptId) -> str:
    run = draft.facts.run
    return attempt_name(run.name, run.uid, *at)
