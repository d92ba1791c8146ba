"""What the attempts of batches came to. As for single attempts: a word counts once, for what was started."""

from __future__ import annotations

from dataclasses import replace

from penstock.engine.draft import Draft
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState, ItemsState
from penstock.engine.model import AttemptId, Failure, StepKind, StepPlan
from penstock.engine.rules.results import as_it_was
from penstock.engine.tally import Tally

_SILENT = Failure(FailureCode.LOST, "the attempt of the item's batch ended without a result for this item")


def take_item_results(draft: Draft) -> Draft:
    """Items of attempts that ended have their outcome; what is left to their batches is tried again, or has failed."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is None or state.items is None or not state.phase.alive:
            continue
        tally, living = Tally(draft, step, state.items), []
        for number, batch in state.items.active.items():
            if batch.phase.alive:
                fact = draft.facts.attempts.get(AttemptId(step.name, batch.attempt, number))
                if fact is not None and fact.ended:
                    fact = _of_one_item(step, state.items, number, fact)
                elif fact is not None:
                    living.append(fact)
                _take(tally, draft, number, batch, fact)
        draft = tally.draft()
        items = draft.step(step.name).items
        if items is not None:
            draft = draft.with_step(step.name, message=_message(items, living))
    return draft


def _message(items: ItemsState, living: list[AttemptFact]) -> str:
    """How far it is, and the word of the first child run that waits for people."""
    held = next((fact.message for fact in living if fact.held and fact.message), None)
    progress = items.progress(sum(len(fact.items) for fact in living))
    return f"{progress}; {held}" if held is not None else progress


def _of_one_item(step: StepPlan, items: ItemsState, number: int, fact: AttemptFact) -> AttemptFact:
    """The fact with the result of its item: what has no harness runs one, and says nothing of it by itself."""
    if step.kind is StepKind.SCRIPT or step.fan_out is None:
        return fact
    index, _ = step.fan_out.batch(number, items.total)
    result = ItemResult(index, fact.output, fact.failure)
    return replace(fact, items=() if fact.phase is AttemptPhase.LOST else (result,), items_begun=None)


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
