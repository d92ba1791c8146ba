"""The end of a run: its phase, its failure, its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.engine.commands import CheckOutput
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.keeping import LIST_LIMIT, Kept, keep_output
from penstock.engine.model import AttemptId, Failure, OnFailure, OutputRef, RunPhase, StepPhase, StepPlan, StepState

SHOWN = 5
"""Misfits of an output that a failure lists."""


def note_failures(draft: Draft) -> Draft:
    """The first failed step that may not fail is the run's failure; the rest of the run goes on to its end."""
    if draft.state.failure is not None:
        return draft
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if state.phase is StepPhase.FAILED and step.on_failure is OnFailure.FAIL and state.failure is not None:
            return draft.with_run(failure=state.failure)
    return draft


def finish_when_settled(draft: Draft) -> Draft:
    """A run whose steps are all finished ends; one that only waits for people is Waiting."""
    unfinished = {name: state for name in draft.plan.steps if not (state := draft.step(name)).phase.finished}
    if unfinished:
        return draft.with_run(phase=RunPhase.WAITING if _needs_people(draft, unfinished) else RunPhase.RUNNING)
    if draft.state.failure is not None:
        return _end(draft, draft.state.stopping or RunPhase.FAILED)
    return _succeed(draft)


def _needs_people(draft: Draft, states: Mapping[str, StepState]) -> bool:
    """Nothing will happen by itself: somebody holds the run, or must open a gate."""
    alive = [name for name, state in states.items() if state.phase.alive]
    if not all(_child_waits(draft, name, states[name]) for name in alive):
        return False
    if draft.held:
        return True
    gates = [state for state in states.values() if state.phase is StepPhase.WAITING and state.gate is not None]
    return bool(alive or gates) and not any(state.phase is StepPhase.BACKOFF for state in states.values())


def _child_waits(draft: Draft, name: str, state: StepState) -> bool:
    """What runs of the step waits for people; of one that is fanned out all that has begun of it."""
    if state.items is None:
        living = [AttemptId(name, state.attempt)]
    elif all(batch.phase.alive for batch in state.items.active.values()):
        living = [AttemptId(name, batch.attempt, number) for number, batch in state.items.active.items()]
    else:
        living = []
    facts = [draft.facts.attempts.get(at) for at in living]
    return bool(facts) and all(fact is not None and fact.held for fact in facts)


def _succeed(draft: Draft) -> Draft:
    source = draft.plan.output_from
    if source is None:
        last = _last_with_program(draft)
        return _give_back(draft, last.output, last.stored)
    value = draft.value("", "output")
    if value is None:
        return draft.ask(None, "output", source)
    if value.error is not None:
        return _fail(draft, Failure(FailureCode.EXPRESSION_ERROR, f"outputs.from: {value.error}"))
    return _give_back(draft, value.value, None)


def _last_with_program(draft: Draft) -> StepState:
    """The last listed step that has a program: a gate's own output says nothing about the work."""
    programs: list[StepPlan] = [step for step in draft.plan.main if step.kind.has_program]
    return draft.step(programs[-1].name) if programs else StepState()


def _give_back(draft: Draft, output: Any, stored: OutputRef | None) -> Draft:
    """The run ends with this output, which is kept at `stored` already where that is set."""
    if draft.plan.output_schema is not None:
        if draft.facts.misfits is None:
            return draft.emit(CheckOutput(draft.plan.output_schema, output))
        if draft.facts.misfits:
            return _fail(draft, Failure(FailureCode.OUTPUT_INVALID, _misfit(draft.facts.misfits)))
    # One that has room twice stands in the run object twice, so that nobody has to look into the steps for it.
    kept = Kept(draft, stored) if stored else keep_output(draft, output, limit=LIST_LIMIT)
    if kept.failure is not None:
        return _fail(draft, kept.failure)
    return _end(kept.draft.with_run(output=output, stored=kept.ref), RunPhase.SUCCEEDED)


def _misfit(misfits: tuple[str, ...]) -> str:
    more = f"\n- and {len(misfits) - SHOWN} more" if len(misfits) > SHOWN else ""
    lines = "".join(f"\n- {misfit}" for misfit in misfits[:SHOWN])
    return f"the run's output does not fit the Workflow's outputs.schema{lines}{more}"


def _fail(draft: Draft, failure: Failure) -> Draft:
    return _end(draft.with_run(failure=failure), RunPhase.FAILED)


def _end(draft: Draft, phase: RunPhase) -> Draft:
    return draft.with_run(phase=phase, finished_at=draft.now, stopping=None, suspended=False)
