"""Which attempts a run waits for, by its status: those that it wrote down and has no result of."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.api.v1alpha1.run import WorkflowRunStatus
from penstock.engine.model import AttemptId, StepPhase

_ALIVE = (StepPhase.STARTING, StepPhase.RUNNING)


def awaited(status: WorkflowRunStatus) -> Mapping[AttemptId, str | None]:
    """The attempts that are awaited, each with the UID that was written down, if there was time for that."""
    found: dict[AttemptId, str | None] = {}
    for name, step in status.steps.items():
        if step.phase not in _ALIVE:
            continue
        if step.items is None:
            found[AttemptId(name, step.attempt)] = step.uid
            continue
        for number, batch in step.items.active.items():
            if batch.phase in _ALIVE:
                found[AttemptId(name, batch.attempt, int(number))] = batch.uid
    return found


def left_behind(status: WorkflowRunStatus, at: AttemptId) -> bool:
    """The run has gone on without this attempt. False where it has not come to it yet, as far as this status knows."""
    step = status.steps.get(at.step)
    if step is None or at in awaited(status):
        return False
    if at.batch is None or step.items is None:
        return step.attempt > at.attempt or (step.attempt == at.attempt and step.phase not in _ALIVE)
    batch = step.items.active.get(str(at.batch))
    if step.phase not in _ALIVE:
        return True
    return at.batch < step.items.next_batch and (batch is None or batch.attempt >= at.attempt)
