"""Steps that only wait: for a time span, or until a moment. Nothing runs meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from penstock.engine.draft import Draft
from penstock.engine.facts import Value
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, StepPhase, StepPlan
from penstock.engine.rules.retries import fail_step


def begin_wait(draft: Draft, step: StepPlan) -> Draft:
    """The step waits from now on; the moment of its end is written down, so a restart does not begin anew."""
    assert step.wait is not None
    if step.wait.duration is not None:
        return _wait(draft, step, draft.now + step.wait.duration)
    assert step.wait.until is not None
    value = draft.value(step.name, "wait.until")
    if value is None:
        return draft.ask(step, "wait.until", step.wait.until)
    try:
        moment = _moment(value)
    except ValueError as error:
        return fail_step(draft, step, Failure(FailureCode.EXPRESSION_ERROR, f"wait.until: {error}", step.name))
    return _wait(draft, step, moment)


def end_waits(draft: Draft) -> Draft:
    """Steps whose time has come succeeded; the others are looked at again when it will have."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if state.phase is StepPhase.WAITING and state.until is not None:
            draft = _look(draft, step.name, state.until)
    return draft


def _wait(draft: Draft, step: StepPlan, until: datetime) -> Draft:
    draft = draft.with_step(step.name, phase=StepPhase.WAITING, started_at=draft.now, until=until)
    return _look(draft, step.name, until)


def _look(draft: Draft, name: str, until: datetime) -> Draft:
    if until > draft.now:
        return draft.wake(until)
    return draft.with_step(name, phase=StepPhase.SUCCEEDED, finished_at=draft.now)


def _moment(value: Value) -> datetime:
    if value.error is not None:
        raise ValueError(value.error)
    found: Any = value.value
    try:
        moment = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        raise ValueError(f"{found!r} is no moment; give text such as 2030-01-31T08:00:00Z") from None
    if moment.tzinfo is None:
        raise ValueError(f"{found!r} has no time zone; write {found}Z, or an offset such as +02:00")
    return moment.astimezone(UTC)
