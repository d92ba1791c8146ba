"""Removing finished runs by age and state, with all that belongs to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.list_runs import MAX_LOOKED_AT, RunFilter
from penstock.engine.model import RunPhase
from penstock.errors import NotFound, NotPossible
from penstock.ports.access import Access


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning came to."""

    removed: int
    remaining: int
    """Runs that are still there, whatever their state."""


async def prune_runs(
    access: Access,
    namespace: str | None,
    wanted: RunFilter,
    *,
    older_than: timedelta,
    keep_succeeded: bool,
    now: datetime,
) -> Pruned:
    """Remove the finished runs that are wanted and ended longer than `older_than` ago. Raises Forbidden.

    A run that somebody else removed meanwhile, or that another one still needs, is left out of the count.
    """
    runs = await access.runs.list(namespace, limit=MAX_LOOKED_AT)
    removed = 0
    for run in runs:
        if wanted.takes(run) and _is_due(run, now - older_than, keep_succeeded=keep_succeeded):
            try:
                await access.runs.delete(run)
            except (NotFound, NotPossible):
                continue
            removed += 1
    return Pruned(removed, len(runs) - removed)


def _is_due(run: WorkflowRun, before: datetime, *, keep_succeeded: bool) -> bool:
    phase = RunPhase(run.status.phase)
    if not phase.finished or (keep_succeeded and phase is RunPhase.SUCCEEDED):
        return False
    ended = run.status.finished_at or run.metadata.creation_timestamp
    return ended is not None and ended <= before
