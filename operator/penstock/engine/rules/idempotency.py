"""Two requests with one idempotency key are one run, whoever sends them and under whichever name."""

from __future__ import annotations

from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, RunPhase


def refuse_twin(draft: Draft) -> Draft:
    """A run whose idempotency key another run has used fails before anything of it starts, and names that run."""
    if draft.state.phase is not RunPhase.PENDING or draft.facts.twin is None:
        return draft
    reason = (
        f"idempotency key `{draft.facts.run.idempotency_key}` is that of run {draft.facts.twin}: look at that one, "
        "or use a new key for a new run"
    )
    return draft.with_run(
        phase=RunPhase.FAILED,
        finished_at=draft.now,
        queued=None,
        failure=Failure(FailureCode.IDEMPOTENCY_KEY_USED, reason),
    ).halt()
