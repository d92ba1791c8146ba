"""The decision: a fold of named rules over a draft. The order is the documentation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from types import MappingProxyType

from penstock.engine.commands import Command, Question, StoreOutput, WakeAt
from penstock.engine.draft import Draft, Rule
from penstock.engine.facts import Facts
from penstock.engine.fan_out import ItemsState
from penstock.engine.model import Plan, RunState, StepPhase, StepState
from penstock.engine.rules import (
    batch_deadlines,
    batches,
    beginning,
    cancellation,
    completion,
    concurrency,
    deadlines,
    dependencies,
    gates,
    idempotency,
    item_completion,
    item_outputs,
    item_results,
    lost_outputs,
    results,
    retries,
    starting,
    suspension,
    waits,
)

RULES: tuple[Rule, ...] = (
    idempotency.refuse_twin,
    concurrency.wait_for_turn,  # a run that does not begin is no further business of anybody
    beginning.begin_run,
    results.take_results,  # first: a result that is there counts even if the run is cancelled in the same moment
    item_results.take_item_results,
    cancellation.stop_when_requested,  # a cancelled run starts nothing more
    lost_outputs.stop_without_output,  # before anything starts: it would start with less than it was promised
    deadlines.fail_overdue,  # before anything starts: an overdue run starts nothing
    batch_deadlines.fail_overdue_batches,
    item_completion.finish_items,  # before it is dropped: the last item's result counts too
    cancellation.drop_unfinished_steps,
    item_outputs.keep_item_outputs,  # of what ended and of what goes on: the run object has little room for them
    suspension.note_suspension,  # before anything starts: a held run starts nothing
    waits.end_waits,
    starting.settle_waiting_steps,  # gates that were decided
    starting.restart_after_backoff,
    dependencies.advance_ready_steps,  # needs the outcome of all rules above
    batches.start_batches,
    completion.note_failures,
    completion.finish_when_settled,
    retries.wake_for_retries,
    starting.launch_attempts,  # last: speaks only of what is written down by now
    batches.launch_batches,
    starting.reap_attempts,
    gates.settle_requests,
)


@dataclass(frozen=True, slots=True)
class Decided:
    """What a pass came to."""

    state: RunState
    commands: tuple[Command, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """What to find out before deciding again; while there is anything, nothing else of this may be used.

        Outputs come first: until one is kept, an expression must not be told that it is there.
        """
        outputs = tuple(command for command in self.commands if isinstance(command, StoreOutput))
        return outputs or tuple(command for command in self.commands if isinstance(command, Question))

    @property
    def wake_at(self) -> datetime | None:
        """When to decide again at the latest."""
        return min((command.when for command in self.commands if isinstance(command, WakeAt)), default=None)


def decide(plan: Plan, state: RunState, facts: Facts, now: datetime) -> Decided:
    """The next state of a run and what to do for it. Pure: the same input gives the same answer."""
    if state.phase.finished:
        return _after_the_end(plan, state, facts, now)
    draft = Draft(plan, state, facts, now)
    for rule in RULES:
        draft = rule(draft)
        if draft.halted:
            break
    return Decided(draft.state, draft.commands)


def _after_the_end(plan: Plan, state: RunState, facts: Facts, now: datetime) -> Decided:
    """A finished run never changes; what still lives of it is stopped, what still asks of it is closed."""
    draft = starting.reap_attempts(Draft(plan, state, facts, now))
    return Decided(state, gates.settle_requests(draft).commands)


class Change(Enum):
    """How much a pass changed."""

    NONE = "none"
    SOFT = "soft"
    """Only what can be observed again: an attempt's uid, its first sign of life, its progress message."""
    HARD = "hard"
    """Something that must be written before anyone acts on it."""


def change(before: RunState, after: RunState) -> Change:
    """What kind of write `after` is worth."""
    if before == after:
        return Change.NONE
    same_steps = before.steps.keys() == after.steps.keys() and all(
        step is before.steps[name] or _firm_step(step) == _firm_step(before.steps[name])
        for name, step in after.steps.items()
    )
    return Change.SOFT if same_steps and _firm(before) == _firm(after) else Change.HARD


def _firm(state: RunState) -> RunState:
    """The state less its steps, which are compared one by one."""
    # That a run waits for its turn must be written; the place that it has come to can be told later.
    return replace(state, steps=MappingProxyType({}), queued="" if state.queued is not None else None)


def _firm_step(step: StepState) -> StepState:
    return replace(step, phase=_firm_phase(step.phase), uid=None, message=None, items=_firm_items(step.items))


def _firm_items(items: ItemsState | None) -> ItemsState | None:
    if items is None:
        return None
    active = {
        number: replace(batch, phase=_firm_phase(batch.phase), uid=None) for number, batch in items.active.items()
    }
    return replace(items, active=active)


def _firm_phase(phase: StepPhase) -> StepPhase:
    return StepPhase.STARTING if phase is StepPhase.RUNNING else phase
