"""Which attempts a step has had, as its run's status says. Pure."""

from __future__ import annotations

from penstock.api.v1alpha1.items import BatchStatus
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.model import AttemptId, RunPhase, StepPhase


def newest_attempt(run: WorkflowRun, step: str) -> int:
    """Number of the newest attempt; 0 where there was none yet."""
    state = run.status.steps.get(step)
    return state.attempt if state else 0


def may_have_more(run: WorkflowRun, step: str, batch: int | None = None) -> bool:
    """The step, or this batch of it, may yet begin, go on, or be tried again."""
    if RunPhase(run.status.phase).finished:
        return False
    state = run.status.steps.get(step)
    if state is None:
        # Before its first pass a run has no steps; after it, it has all of them.
        return not run.status.steps
    if StepPhase(state.phase).finished:
        return False
    return batch is None or state.items is None or batch >= state.items.next_batch or str(batch) in state.items.active


def may_still_print(run: WorkflowRun, at: AttemptId) -> bool:
    """The attempt is alive, or may yet begin."""
    if not may_have_more(run, at.step, at.batch):
        return False
    state: StepStatus | BatchStatus | None = run.status.steps.get(at.step)
    if at.batch is not None and isinstance(state, StepStatus) and state.items is not None:
        state = state.items.active.get(str(at.batch))
    if state is None or state.attempt < at.attempt:
        return True
    return state.attempt == at.attempt and StepPhase(state.phase).alive
