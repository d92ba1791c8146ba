"""A run that nobody has looked at begins."""

from __future__ import annotations

from types import MappingProxyType

from penstock.engine.draft import Draft
from penstock.engine.model import RunPhase, StepState
from penstock.engine.rules.carrying import carry_over


def begin_run(draft: Draft) -> Draft:
    """Pending becomes Running; every step is listed, so that people see what is to come."""
    if draft.state.phase is not RunPhase.PENDING:
        return draft
    steps = MappingProxyType(dict.fromkeys(draft.plan.steps, StepState()))
    return carry_over(draft.with_run(phase=RunPhase.RUNNING, started_at=draft.now, steps=steps, queued=None))
