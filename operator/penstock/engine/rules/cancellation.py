"""A run that is to be cancelled starts nothing more, but for `finally`."""

from __future__ import annotations

from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, RunPhase, StepPhase
from penstock.engine.rules.item_lists import close_items


def stop_when_requested(draft: Draft) -> Draft:
    """The first sight of a request to cancel decides how the run will end."""
    if not draft.facts.cancel:
        return draft
    return draft.stopping(RunPhase.CANCELLED, Failure(FailureCode.CANCELLED, "the run was cancelled on request"))


def drop_unfinished_steps(draft: Draft) -> Draft:
    """Steps of a run that is being stopped are Cancelled wherever they stand; `finally` is left alone."""
    if draft.state.stopping is None:
        return draft
    for step in draft.plan.main:
        if not draft.step(step.name).phase.finished:
            draft = close_items(draft, step).with_step(
                step.name, phase=StepPhase.CANCELLED, finished_at=draft.now, retry_at=None, message=None
            )
    return draft
