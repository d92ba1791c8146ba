"""Attempts of batches that take too long. The harness keeps the step's timeout for each item; this is the backstop."""

from __future__ import annotations

from datetime import datetime

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState, FanOut, ItemsState
from penstock.engine.model import AttemptId, Failure, StepPlan
from penstock.engine.rules.deadlines import START_ALLOWANCE
from penstock.engine.tally import Tally


def fail_overdue_batches(draft: Draft) -> Draft:
    """An attempt past the time of all its items has ended; what has a result by then counts. Else a time to wake."""
    for step in draft.plan.steps.values():
        items = draft.step(step.name).items
        if step.fan_out is None or items is None or step.timeout is None or not draft.step(step.name).phase.alive:
            continue
        moments = {
            number: _due(step, step.fan_out, items, number, batch)
            for number, batch in items.active.items()
            if batch.phase.alive
        }
        if late := [number for number, due in moments.items() if due is not None and due <= draft.now]:
            draft = _end(draft, step, items, late)
        waits = [due for due in moments.values() if due is not None and due > draft.now]
        if waits:
            draft = draft.wake(min(waits))
    return draft


def _due(step: StepPlan, fan_out: FanOut, items: ItemsState, number: int, batch: BatchState) -> datetime | None:
    if step.timeout is None or batch.started_at is None:
        return None
    return batch.started_at + step.timeout * len(items.left(fan_out, number, batch.reached)) + START_ALLOWANCE


def _end(draft: Draft, step: StepPlan, items: ItemsState, late: list[int]) -> Draft:
    tally = Tally(draft, step, items)
    for number in late:
        fact = draft.facts.attempts.get(AttemptId(step.name, items.active[number].attempt, number))
        tally.ended(number, _why(fact), fact.items if fact is not None else ())
    return tally.draft()


def _why(fact: AttemptFact | None) -> Failure:
    """Why there is no result yet: what kept the attempt from starting, where that is known."""
    patience = f"after the time of all its items plus {START_ALLOWANCE.total_seconds():g} s to start"
    if fact is not None and fact.phase is AttemptPhase.CREATED and fact.failure is not None:
        return Failure(fact.failure.code, f"{fact.failure.reason} (given up {patience})")
    return Failure(FailureCode.TIMED_OUT, f"no result of the item's batch {patience}")
