"""Which attempts a step has had, as its run's status says. Pure."""

from __future__ import annotations

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import AttemptId, RunPhase, StepPhase


def newest_attempt(run: WorkflowRun, step: str) -> int:
    """Number of the newest attempt; 0 where there was none yet."""
    state = run.status.steps.get(step)
    return state.attempt if state else 0


def may_have_more(run: WorkflowRun, step: str) -> bool:
    """The step may yet begin, go on, or be tried again."""
    if RunPhase(run.status.phase).finished:
        return False
    state = run.status.steps.get(step)
    if state is None:
        # Before its first pass a run has no steps; after it, it has all of them.
        return not run.status.steps
    return not StepPhase(state.phase).finished


def may_still_print(run: WorkflowRun, at: AttemptId) -> bool:
    """The attempt is alive, or may yet begin."""
    if not may_have_more(run, at.step):
        return False
    state = run.status.steps.get(at.step)
    if state is None or at.batch is not None or state.attempt < at.attempt:
        return True
    return state.attempt == at.attempt and StepPhase(state.phase).alive
