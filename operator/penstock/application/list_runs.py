"""Runs as somebody looks for them: filtered, counted, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.submit_run import JOB_LABEL
from penstock.ports.access import Access

MAX_LOOKED_AT = 10_000
"""Runs that are looked at, the newest first; older ones are not counted."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs are wanted; what is empty does not matter."""

    workflow: str = ""
    """Name of the Workflow."""
    phase: str = ""
    job_label: str = ""
    user: str = ""
    """Who asked for it."""

    def takes(self, run: WorkflowRun) -> bool:
        """Whether the run is wanted."""
        named = run.spec.workflow.name if run.spec.workflow else ""
        asked = run.spec.requested_by.user if run.spec.requested_by else ""
        label = run.metadata.annotations.get(JOB_LABEL, "")
        pairs = ((self.workflow, named), (self.phase, run.status.phase), (self.job_label, label), (self.user, asked))
        return all(wanted in ("", found) for wanted, found in pairs)


@dataclass(frozen=True, slots=True)
class RunPage:
    """Some of the runs that are wanted, and how many there are."""

    runs: tuple[WorkflowRun, ...]
    total: int
    by_phase: Mapping[str, int]


async def list_runs(
    access: Access, namespace: str | None, wanted: RunFilter, *, limit: int, offset: int = 0
) -> RunPage:
    """The newest runs that are wanted, `limit` of them after the first `offset`. Raises Forbidden."""
    found = await access.runs.list(namespace, limit=MAX_LOOKED_AT)
    runs = [run for run in found if wanted.takes(run)]
    return RunPage(tuple(runs[offset : offset + limit]), len(runs), Counter(run.status.phase for run in runs))
