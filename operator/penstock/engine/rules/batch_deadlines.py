"""Attempts of batches that take too long. The harness keeps the step's timeout for each item; this is the backstop,
and the deadline itself for what has no harness.
"""

from __future__ import annotations

from datetime import datetime

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState, ItemsState
from penstock.engine.model import AttemptId, Failure, StepKind, StepPlan
from penstock.engine.rules.deadlines import START_ALLOWANCE, overdue_at, why_overdue
from penstock.engine.tally import Tally


def fail_overdue_batches(draft: Draft) -> Draft:
    """An attempt past the time of all its items has ended; what has a result by then counts. Else a time to wake."""
    for step in draft.plan.steps.values():
        items = draft.step(step.name).items
        if step.fan_out is None or items is None or step.timeout is None or not draft.step(step.name).phase.alive:
            continue
        moments = {
            number: _due(draft, step, items, number) for number, batch in items.active.items() if batch.phase.alive
        }
        if late := [number for number, due in moments.items() if due is not None and due <= draft.now]:
            draft = _end(draft, step, items, late)
        waits = [due for due in moments.values() if due is not None and due > draft.now]
        if waits:
            draft = draft.wake(min(waits))
    return draft


def _due(draft: Draft, step: StepPlan, items: ItemsState, number: int) -> datetime | None:
    batch = items.active[number]
    if step.timeout is None or step.fan_out is None or batch.started_at is None:
        return None
    if step.kind is not StepKind.SCRIPT:
        return overdue_at(step, batch.started_at, _fact(draft, step, number, batch))
    return batch.started_at + step.timeout * len(items.left(step.fan_out, number, batch.reached)) + START_ALLOWANCE


def _fact(draft: Draft, step: StepPlan, number: int, batch: BatchState) -> AttemptFact | None:
    return draft.facts.attempts.get(AttemptId(step.name, batch.attempt, number))


def _end(draft: Draft, step: StepPlan, items: ItemsState, late: list[int]) -> Draft:
    tally = Tally(draft, step, items)
    for number in late:
        fact = _fact(draft, step, number, items.active[number])
        why = _why(fact) if step.kind is StepKind.SCRIPT else why_overdue(step, fact)
        tally.ended(number, why, fact.items if fact is not None else ())
    return tally.draft()


def _why(fact: AttemptFact | None) -> Failure:
    """Why there is no result yet: what kept the attempt from starting, where that is known."""
    patience = f"after the time of all its items plus {START_ALLOWANCE.total_seconds():g} s to start"
    if fact is not None and fact.phase is AttemptPhase.CREATED and fact.failure is not None:
        return Failure(fact.failure.code, f"{fact.failure.reason} (given up {patience})")
    return Failure(FailureCode.TIMED_OUT, f"no result of the item's batch {patience}")
