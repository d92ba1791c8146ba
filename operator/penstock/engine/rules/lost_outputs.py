"""An output that the run object refers to and that is not there any more, or not as it was."""

from __future__ import annotations

from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, RunPhase


def stop_without_output(draft: Draft) -> Draft:
    """The run fails: whatever would start next would start with less than what was promised to it."""
    for name, step in draft.state.steps.items():
        if step.stored is not None and step.stored.name in draft.facts.lost:
            reason = f"the output of step {name} is lost: {draft.facts.lost[step.stored.name]}"
            return draft.stopping(RunPhase.FAILED, Failure(FailureCode.OUTPUT_LOST, reason, name))
    return draft
