"""What the attempts of batches came to. As for single attempts: a word counts once, for what was started."""

from __future__ import annotations

from dataclasses import replace

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState
from penstock.engine.model import AttemptId, Failure
from penstock.engine.rules.results import as_it_was
from penstock.engine.tally import Tally

_SILENT = Failure(FailureCode.LOST, "the attempt of the item's batch ended without a result for this item")


def take_item_results(draft: Draft) -> Draft:
    """Items of attempts that ended have their outcome; what is left to their batches is tried again, or has failed."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is None or state.items is None or not state.phase.alive:
            continue
        tally, live = Tally(draft, step, state.items), 0
        for number, batch in state.items.active.items():
            if batch.phase.alive:
                fact = draft.facts.attempts.get(AttemptId(step.name, batch.attempt, number))
                _take(tally, draft, number, batch, fact)
                live += len(fact.items) if fact is not None and not fact.ended else 0
        draft = tally.draft()
        items = draft.step(step.name).items
        if items is not None:
            draft = draft.with_step(step.name, message=items.progress(live))
    return draft


def _take(tally: Tally, draft: Draft, number: int, batch: BatchState, fact: AttemptFact | None) -> None:
    if fact is None:
        if batch.uid is not None:
            reason = f"attempt {batch.attempt} of the item's batch existed and is gone without a result"
            tally.ended(number, Failure(FailureCode.LOST, reason))
    elif fact.digest != batch.digest:
        reason = f"what runs as attempt {batch.attempt} of the item's batch is not what was started"
        tally.ended(number, Failure(FailureCode.JOB_NAME_CONFLICT, reason))
    elif fact.ended:
        results = [_as_it_was(draft, result) for result in fact.items]
        tally.ended(number, _of_the_others(draft, fact), results, fact.items_begun)
    else:
        tally.alive(number, fact.uid, running=fact.phase is AttemptPhase.RUNNING)


def _of_the_others(draft: Draft, fact: AttemptFact) -> Failure:
    """The failure of items that say nothing themselves: that of the attempt, unless it only says that some failed."""
    if fact.failure is None or fact.failure.code == FailureCode.ITEMS_FAILED:
        return _SILENT
    return as_it_was(draft, fact.failure)


def _as_it_was(draft: Draft, result: ItemResult) -> ItemResult:
    return result if result.failure is None else replace(result, failure=as_it_was(draft, result.failure))
