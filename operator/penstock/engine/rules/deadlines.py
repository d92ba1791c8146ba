"""Time that ran out: of runs and of attempts.

A step's `timeout` counts from the start of its program; the harness keeps it to the second and says so in its result
record. The deadline here is the backstop for attempts that never come to a program, or whose harness is gone, and the
deadline itself for programs without a harness.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.model import AttemptId, Failure, RunPhase, StepKind, StepPlan
from penstock.engine.rules.retries import attempt_failed

START_ALLOWANCE = timedelta(minutes=5)
"""For scheduling, pulling the image and starting the harness, on top of a step's own timeout."""


def fail_overdue(draft: Draft) -> Draft:
    """A run past its timeout is stopped; an attempt past its backstop failed. What is not overdue is a time to wake."""
    draft = _overdue_run(draft)
    for step in draft.plan.steps.values():
        due = _due(draft, step)
        if due is None:
            continue
        draft = (
            draft.wake(due) if draft.now < due else attempt_failed(draft, step, why_overdue(step, _fact(draft, step)))
        )
    return draft


def overdue_at(step: StepPlan, started_at: datetime | None, fact: AttemptFact | None) -> datetime | None:
    """When an attempt of the step has taken too long; None where it may take for ever."""
    if step.timeout is None or started_at is None:
        return None
    if fact is not None and fact.running_since is not None:
        return fact.running_since + step.timeout
    return started_at + step.timeout + _allowance(step)


def why_overdue(step: StepPlan, fact: AttemptFact | None) -> Failure:
    """Why there is no result yet: what kept the attempt from starting, where that is known."""
    if fact is not None and fact.running_since is not None:
        reason = f"the attempt took longer than its timeout of {_text(step.timeout)}"
        return Failure(FailureCode.TIMED_OUT, reason, step.name)
    patience = f"{_text(step.timeout)} after the start of the attempt"
    if _allowance(step):
        patience += f" plus {_text(_allowance(step))} to start"
    if fact is not None and fact.phase is AttemptPhase.CREATED and fact.failure is not None:
        return Failure(fact.failure.code, f"{fact.failure.reason} (given up {patience})", step.name)
    return Failure(FailureCode.TIMED_OUT, f"no result {patience}", step.name)


def _overdue_run(draft: Draft) -> Draft:
    timeout, started = draft.plan.timeout, draft.state.started_at
    if timeout is None or started is None or draft.state.stopping is not None:
        return draft
    if draft.now < started + timeout:
        return draft.wake(started + timeout)
    failure = Failure(FailureCode.RUN_TIMED_OUT, f"the run did not end within {_text(timeout)}")
    return draft.stopping(RunPhase.TIMED_OUT, failure)


def _due(draft: Draft, step: StepPlan) -> datetime | None:
    state = draft.step(step.name)
    if step.timeout is None or step.fan_out is not None or not state.phase.alive:
        return None
    return overdue_at(step, state.started_at, _fact(draft, step))


def _fact(draft: Draft, step: StepPlan) -> AttemptFact | None:
    return draft.facts.attempts.get(AttemptId(step.name, draft.step(step.name).attempt))


def _allowance(step: StepPlan) -> timedelta:
    """A child run begins at once: no pod has to be waited for, and no harness keeps its time."""
    return timedelta(0) if step.kind is StepKind.WORKFLOW else START_ALLOWANCE


def _text(span: timedelta | None) -> str:
    return f"{span.total_seconds():g} s" if span is not None else "0 s"
