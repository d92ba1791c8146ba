"""What a failed attempt means for its step."""

from __future__ import annotations

from penstock.engine.draft import Draft
from penstock.engine.failures import retried
from penstock.engine.model import Failure, StepPhase, StepPlan


def attempt_failed(draft: Draft, step: StepPlan, failure: Failure) -> Draft:
    """The step backs off and tries again while its limit allows and another attempt may help; else it failed."""
    state = draft.step(step.name)
    if retried(failure.code) and state.attempt <= step.retry.limit:
        retry_at = draft.now + step.retry.delay(state.attempt)
        return draft.with_step(step.name, phase=StepPhase.BACKOFF, failure=failure, retry_at=retry_at, message=None)
    return fail_step(draft, step, failure)


def fail_step(draft: Draft, step: StepPlan, failure: Failure) -> Draft:
    """The step failed for good."""
    return draft.with_step(
        step.name, phase=StepPhase.FAILED, failure=failure, finished_at=draft.now, retry_at=None, message=None
    )


def wake_for_retries(draft: Draft) -> Draft:
    """A step that backs off is looked at again when its time has come."""
    for state in draft.state.steps.values():
        if state.phase is StepPhase.BACKOFF and state.retry_at is not None and not draft.held:
            draft = draft.wake(state.retry_at)
    return draft
