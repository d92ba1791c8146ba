"""Batches of items: begun in their order, so many at a time; written down first, then asked to exist."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.commands import StartAttempt
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState, FanOut, ItemsState
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId, Failure, StepPhase, StepPlan
from penstock.engine.programs import program_of
from penstock.engine.rules.item_lists import fail_items, list_of
from penstock.engine.subjects import ItemSubjects

MOST_WAITING = 2
"""Times `maxParallel`: so many batches at most have begun and not ended, those that back off counted, for each of them
takes room in the run object."""

_UNTOUCHED = BatchState(StepPhase.BACKOFF, 0)


def start_batches(draft: Draft) -> Draft:
    """Every place that is free is given to a batch whose wait is over, or else to the next one."""
    if draft.held:
        return draft
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is None or state.items is None or not state.phase.alive:
            continue
        if not state.items.given_up(step.fan_out):
            draft = _start(draft, step, step.fan_out, state.items)
    return draft


def launch_batches(draft: Draft) -> Draft:
    """Every attempt of a batch that is written down and was not seen is (again) asked to exist."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is None or state.items is None or not state.phase.alive:
            continue
        unseen = {
            AttemptId(step.name, batch.attempt, number): batch
            for number, batch in state.items.active.items()
            if batch.phase is StepPhase.STARTING
            and AttemptId(step.name, batch.attempt, number) not in draft.facts.attempts
        }
        if unseen:
            draft = _launch(draft, step, unseen)
    return draft


def _start(draft: Draft, step: StepPlan, fan_out: FanOut, items: ItemsState) -> Draft:
    draft = _wake_for_retries(draft, items)
    chosen = _next(draft, fan_out, items)
    if not chosen:
        return draft
    known = list_of(draft, step)
    if known.items is None:
        return known.draft
    program = program_of(known.draft, step)
    if program.failure is not None:
        return fail_items(known.draft, step, program.failure)
    if program.content is None:
        return program.draft
    draft = known.draft
    subjects = ItemSubjects(draft, step, known.items, program.content)
    active = dict(items.active)
    for number in chosen:
        batch = active.get(number, _UNTOUCHED)
        at = AttemptId(step.name, batch.attempt + 1, number)
        digest = subjects.digest(at, items.left(fan_out, number, batch.reached))
        active[number] = replace(
            batch, phase=StepPhase.STARTING, attempt=at.attempt, digest=digest, started_at=draft.now, retry_at=None
        )
    begun = max(items.next_batch, max(chosen) + 1)
    items = replace(items, active=MappingProxyType(dict(sorted(active.items()))), next_batch=begun)
    return draft.with_step(step.name, items=items)


def _next(draft: Draft, fan_out: FanOut, items: ItemsState) -> list[int]:
    """Batches to start now: those whose wait is over come before those that have not begun."""
    free = fan_out.max_parallel - sum(batch.phase.alive for batch in items.active.values())
    due = [
        number
        for number, batch in items.active.items()
        if batch.phase is StepPhase.BACKOFF and batch.retry_at is not None and batch.retry_at <= draft.now
    ][:free]
    room = min(free - len(due), MOST_WAITING * fan_out.max_parallel - len(items.active))
    after = min(items.next_batch + max(0, room), fan_out.batches(items.total))
    return [*due, *range(items.next_batch, after)]


def _wake_for_retries(draft: Draft, items: ItemsState) -> Draft:
    moments = [batch.retry_at for batch in items.active.values() if batch.phase is StepPhase.BACKOFF]
    later = min((moment for moment in moments if moment is not None and moment > draft.now), default=None)
    return draft.wake(later) if later is not None else draft


def _launch(draft: Draft, step: StepPlan, unseen: dict[AttemptId, BatchState]) -> Draft:
    known = list_of(draft, step)
    items = known.draft.step(step.name).items
    if known.items is None or items is None or step.fan_out is None:
        return known.draft
    program = program_of(known.draft, step)
    if program.content is None:
        return program.draft  # what it asks for was known when the batch was written down, so there is an answer
    draft, run = known.draft, known.draft.facts.run
    subjects = ItemSubjects(draft, step, known.items, program.content)
    starts = []
    for at, batch in unseen.items():
        assert at.batch is not None
        given = items.left(step.fan_out, at.batch, batch.reached)
        digest = subjects.digest(at, given)
        if digest != batch.digest:
            # What is written down is what may run. Only a change of our own (another image of a runtime) comes here.
            reason = "what the items would run changed after it was written down"
            return fail_items(draft, step, Failure(FailureCode.SUPERSEDED, reason))
        name = attempt_name(run.name, run.uid, *at)
        starts.append(StartAttempt(at, name, digest, program.content, subjects.document(at, given)))
    return draft.emit(*starts)
