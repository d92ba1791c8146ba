"""Removing finished runs by hand, by age, state and number, with all that belongs to them."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.list_runs import RunFilter
from penstock.application.neighbours import Neighbours
from penstock.engine.model import RunPhase
from penstock.errors import NotFound, NotPossible
from penstock.ports.access import Access, Key

EVERY = sys.maxsize
"""Runs that are looked at: those that are to go are the oldest."""


@dataclass(frozen=True, slots=True)
class Pruning:
    """Which finished runs are to go: those that all of this is true of."""

    wanted: RunFilter = field(default_factory=RunFilter)
    older_than: timedelta = timedelta(0)
    """They ended at least so long ago."""
    keep: int = 0
    """They are not among the newest of their Workflow, so many."""
    keep_succeeded: bool = False
    """They did not succeed."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What a pruning came to."""

    removed: int
    remaining: int
    """Runs that are still there, whatever their state."""


async def prune_runs(access: Access, namespace: str | None, pruning: Pruning, now: datetime) -> Pruned:
    """Remove the runs that are to go. Raises Forbidden.

    A run that somebody else removed meanwhile, or that another one still needs, is left out of the count.
    """
    runs = await access.runs.list(namespace, limit=EVERY)
    removed = await remove_runs(access, to_prune(runs, pruning, now))
    return Pruned(len(removed), len(runs) - len(_with_those_below(runs, removed)))


async def find_prunable(
    access: Access, namespace: str | None, pruning: Pruning, now: datetime
) -> tuple[WorkflowRun, ...]:
    """The runs that are to go at this moment, the one that ended first at first. Raises Forbidden."""
    return to_prune(await access.runs.list(namespace, limit=EVERY), pruning, now)


async def remove_runs(access: Access, runs: Iterable[WorkflowRun]) -> tuple[WorkflowRun, ...]:
    """Remove these, one after the other; those that are gone by that. Raises Forbidden.

    One that was gone already, or that another one needs by now, is passed over.
    """
    removed = []
    for run in runs:
        try:
            await access.runs.delete(run)
        except (NotFound, NotPossible):
            continue
        removed.append(run)
    return tuple(removed)


def to_prune(runs: Sequence[WorkflowRun], pruning: Pruning, now: datetime) -> tuple[WorkflowRun, ...]:
    """Those of these runs that are to go, the one that ended first at first.

    A run of a step goes with the run above it, and never by itself while that one is there.
    """
    neighbours = Neighbours()
    for run in runs:
        neighbours.notice(run)
    uids = {run.metadata.uid for run in runs}
    by_workflow: dict[tuple[str, str], list[WorkflowRun]] = defaultdict(list)
    for run in runs:
        alone = run.spec.parent is None or run.spec.parent.uid not in uids
        if alone and RunPhase(run.status.phase).finished and pruning.wanted.takes(run):
            by_workflow[run.metadata.namespace, run.spec.workflow.name if run.spec.workflow else ""].append(run)
    surplus = [run for each in by_workflow.values() for run in sorted(each, key=_end, reverse=True)[pruning.keep :]]
    due = [
        run
        for run in surplus
        if _end(run) <= now - pruning.older_than
        and not (pruning.keep_succeeded and RunPhase(run.status.phase) is RunPhase.SUCCEEDED)
        and not neighbours.needed(Key(run.metadata.namespace, run.metadata.name), run.metadata.uid)
    ]
    return tuple(sorted(due, key=_end))


def _end(run: WorkflowRun) -> datetime:
    ended = run.status.finished_at or run.metadata.creation_timestamp
    assert ended is not None
    return ended


def _with_those_below(runs: Sequence[WorkflowRun], removed: Iterable[WorkflowRun]) -> set[str]:
    """UIDs of what was removed, and of what goes with it."""
    gone = {run.metadata.uid for run in removed}
    while more := {
        run.metadata.uid
        for run in runs
        if run.spec.parent is not None and run.spec.parent.uid in gone and run.metadata.uid not in gone
    }:
        gone |= more
    return gone
