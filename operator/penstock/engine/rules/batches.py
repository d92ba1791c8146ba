"""Batches of items: begun in their order, so many at a time; written down first, then asked to exist."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from penstock.engine.commands import StartAttempt
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import BatchState, FanOut, ItemsState
from penstock.engine.identifiers import attempt_name
from penstock.engine.indices import Indices
from penstock.engine.model import AttemptId, Failure, StepPhase, StepPlan
from penstock.engine.programs import program_of, program_of_batch
from penstock.engine.rules.item_lists import fail_items, list_of
from penstock.engine.subjects import ItemSubjects, approval_digest, gate_subject
from penstock.engine.tally import Tally

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
            number: batch
            for number, batch in state.items.active.items()
            if batch.phase is StepPhase.STARTING
            and AttemptId(step.name, batch.attempt, number) not in draft.facts.attempts
        }
        if unseen:
            draft = _launch(draft, step, unseen)
            if draft.step(step.name).phase.finished:
                draft = draft.wake(draft.now)  # what ends or starts because of it is for the rules before this one
    return draft


@dataclass(frozen=True, slots=True)
class _Prepared:
    """What batches are to run."""

    draft: Draft
    """With questions, where something is still unknown."""
    subjects: ItemSubjects | None = None
    """None while something is unknown, and where the step failed for want of it."""
    programs: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    """By batch."""
    unfit: Mapping[int, Failure] = field(default_factory=dict)
    """Batches of one item for which there can be no program."""


def _prepare(draft: Draft, step: StepPlan, given: Mapping[int, Indices]) -> _Prepared:
    """What these batches run, each with the items that it is given."""
    known = list_of(draft, step)
    if known.items is None:
        return _Prepared(known.draft)
    common = program_of(known.draft, step)
    if common.failure is not None:
        return _Prepared(fail_items(known.draft, step, common.failure))
    if common.content is None:
        return _Prepared(common.draft)
    if not _is_what_was_approved(known.draft, step, common.content):
        reason = "what the items would run changed after it was approved"
        return _Prepared(fail_items(known.draft, step, Failure(FailureCode.SUPERSEDED, reason)))
    subjects = ItemSubjects(known.draft, step, known.items, common.content)
    if step.fan_out is None or not step.fan_out.templates:
        return _Prepared(known.draft, subjects, dict.fromkeys(given, common.content))
    asked, programs, unfit = known.draft, {}, {}
    for number, chosen in given.items():
        items = {index: known.items[index] for index in chosen}
        program = program_of_batch(asked, step, common.content, items)
        asked = program.draft
        if program.failure is not None:
            unfit[number] = program.failure
        elif program.content is not None:
            programs[number] = program.content
    return _Prepared(asked) if asked is not known.draft else _Prepared(asked, subjects, programs, unfit)


def _is_what_was_approved(draft: Draft, step: StepPlan, program: Mapping[str, Any]) -> bool:
    """Batches start long after the gate was opened: each time what they run must be what people said yes to."""
    gate = draft.step(step.name).gate
    return gate is None or approval_digest(gate_subject(draft, step, 1, program)) == gate.digest


def _start(draft: Draft, step: StepPlan, fan_out: FanOut, items: ItemsState) -> Draft:
    draft = _wake_for_retries(draft, items)
    chosen = {number: items.active.get(number, _UNTOUCHED) for number in _next(draft, fan_out, items)}
    if not chosen:
        return draft
    given = {number: items.left(fan_out, number, batch.reached) for number, batch in chosen.items()}
    ready = _prepare(draft, step, given)
    if ready.subjects is None:
        return ready.draft
    draft, active = ready.draft, {**items.active, **chosen}
    for number, program in ready.programs.items():
        batch = active[number]
        at = AttemptId(step.name, batch.attempt + 1, number)
        digest = ready.subjects.digest(at, given[number], program)
        active[number] = replace(
            batch, phase=StepPhase.STARTING, attempt=at.attempt, digest=digest, started_at=draft.now, retry_at=None
        )
    begun = max(items.next_batch, max(chosen) + 1)
    items = replace(items, active=MappingProxyType(dict(sorted(active.items()))), next_batch=begun)
    return _without_program(draft.with_step(step.name, items=items), step, ready.unfit)


def _without_program(draft: Draft, step: StepPlan, unfit: Mapping[int, Failure]) -> Draft:
    """Items for which there can be no program failed without an attempt."""
    items = draft.step(step.name).items
    if not unfit or items is None:
        return draft
    tally = Tally(draft, step, items)
    for number, failure in unfit.items():
        tally.ended(number, failure)
    return tally.draft().wake(draft.now)  # what ends or starts because of it is for the rules before this one


def _next(draft: Draft, fan_out: FanOut, items: ItemsState) -> list[int]:
    """Batches to start now: those whose wait is over come before those that have not begun."""
    free = fan_out.max_parallel - sum(batch.phase.alive for batch in items.active.values())
    chosen = [
        number
        for number, batch in items.active.items()
        if batch.phase is StepPhase.BACKOFF and batch.retry_at is not None and batch.retry_at <= draft.now
    ][:free]
    room = min(free - len(chosen), MOST_WAITING * fan_out.max_parallel - len(items.active))
    return chosen + items.untouched(fan_out, room)


def _wake_for_retries(draft: Draft, items: ItemsState) -> Draft:
    moments = [batch.retry_at for batch in items.active.values() if batch.phase is StepPhase.BACKOFF]
    later = min((moment for moment in moments if moment is not None and moment > draft.now), default=None)
    return draft.wake(later) if later is not None else draft


def _launch(draft: Draft, step: StepPlan, unseen: Mapping[int, BatchState]) -> Draft:
    items, fan_out = draft.step(step.name).items, step.fan_out
    assert items is not None
    assert fan_out is not None
    given = {number: items.left(fan_out, number, batch.reached) for number, batch in unseen.items()}
    ready = _prepare(draft, step, given)
    if ready.subjects is None:
        return ready.draft
    draft, run = ready.draft, ready.draft.facts.run
    starts = []
    for number, program in ready.programs.items():
        at = AttemptId(step.name, unseen[number].attempt, number)
        digest = ready.subjects.digest(at, given[number], program)
        if digest != unseen[number].digest:
            # What is written down is what may run. Only a change of our own (another image of a runtime) comes here.
            reason = "what the items would run changed after it was written down"
            return fail_items(draft, step, Failure(FailureCode.SUPERSEDED, reason))
        name = attempt_name(run.name, run.uid, *at)
        starts.append(StartAttempt(at, name, digest, program, ready.subjects.document(at, given[number])))
    return _without_program(draft.emit(*starts), step, ready.unfit)
