"""Figures over runs: how many, how they end, how long they take. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase

_INLINE = "(inline)"


@dataclass(frozen=True, slots=True)
class RunStats:
    """Figures of some runs."""

    total: int
    by_phase: Mapping[str, int]
    success_rate: float | None
    """Succeeded of those that ended by themselves; None where none did."""
    mean_seconds: float | None
    median_seconds: float | None


def run_stats(runs: Sequence[WorkflowRun]) -> RunStats:
    """The figures of these runs."""
    phases = Counter(run.status.phase for run in runs)
    ended = sum(phases[phase] for phase in (RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.TIMED_OUT))
    took = [seconds for run in runs if (seconds := _seconds(run)) is not None]
    return RunStats(
        total=len(runs),
        by_phase=dict(phases),
        success_rate=round(phases[RunPhase.SUCCEEDED] / ended, 4) if ended else None,
        mean_seconds=round(fmean(took), 3) if took else None,
        median_seconds=round(median(took), 3) if took else None,
    )


def stats_by_workflow(runs: Sequence[WorkflowRun]) -> Mapping[str, RunStats]:
    """The figures of each Workflow's runs, the busiest first; `(inline)` for runs of no Workflow."""
    mine: dict[str, list[WorkflowRun]] = {}
    for run in runs:
        name = run.spec.workflow.name if run.spec.workflow else _INLINE
        mine.setdefault(f"{run.metadata.namespace}/{name}", []).append(run)
    return {name: run_stats(mine[name]) for name in sorted(mine, key=lambda name: (-len(mine[name]), name))}


def _seconds(run: WorkflowRun) -> float | None:
    began, ended = run.status.started_at, run.status.finished_at
    return (ended - began).total_seconds() if began and ended else None
