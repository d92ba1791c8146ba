"""The end of a run: its phase, its failure, its output."""

from __future__ import annotations

from penstock.engine.draft import Draft
from penstock.engine.keeping import Kept, keep_output
from penstock.engine.model import Failure, OnFailure, RunPhase, StepPhase, StepPlan, StepState


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
    phases = [draft.step(name).phase for name in draft.plan.steps]
    if not all(phase.finished for phase in phases):
        busy = any(phase.alive or phase is StepPhase.BACKOFF for phase in phases)
        waiting = StepPhase.WAITING in phases and not busy
        return draft.with_run(phase=RunPhase.WAITING if waiting else RunPhase.RUNNING)
    if draft.state.failure is not None:
        return _end(draft, draft.state.stopping or RunPhase.FAILED)
    return _succeed(draft)


def _succeed(draft: Draft) -> Draft:
    source = draft.plan.output_from
    if source is None:
        return _take_over(draft)
    value = draft.value("", "output")
    if value is None:
        return draft.ask(None, "output", source)
    if value.error is not None:
        return _fail(draft, Failure("EXPRESSION_ERROR", f"outputs.from: {value.error}"))
    kept = keep_output(draft, value.value)
    if kept.failure is not None:
        return _fail(draft, kept.failure)
    return _end(kept.draft.with_run(output=value.value, stored=kept.ref), RunPhase.SUCCEEDED)


def _take_over(draft: Draft) -> Draft:
    """The output of the last listed step that has a program: a gate's own output says nothing about the work."""
    programs: list[StepPlan] = [step for step in draft.plan.main if step.kind.has_program]
    last = draft.step(programs[-1].name) if programs else StepState()
    # One that has room twice stands in the run object twice, so that nobody has to look into the steps for it.
    kept = Kept(draft, last.stored) if last.stored else keep_output(draft, last.output)
    if kept.failure is not None:
        return _fail(draft, kept.failure)
    return _end(kept.draft.with_run(output=last.output, stored=kept.ref), RunPhase.SUCCEEDED)


def _fail(draft: Draft, failure: Failure) -> Draft:
    return _end(draft.with_run(failure=failure), RunPhase.FAILED)


def _end(draft: Draft, phase: RunPhase) -> Draft:
    return draft.with_run(phase=phase, finished_at=draft.now, stopping=None)
