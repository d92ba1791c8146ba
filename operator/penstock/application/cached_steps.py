"""Which runs have an output that others may take: in memory, by what was run for it.

Only a hint where to look: whoever is led to a run looks at its status. What is known goes with the runs, so it takes no
more room than they do; of outputs of the same only the newest are known.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.earlier_outputs import made
from penstock.ports.access import Key

KEPT = 8
"""Runs that are known for each cacheDigest: one may be gone, or have lost its output, when it is asked for."""


class _Place(NamedTuple):
    """Of what an output may be taken: equal digests in other Workflows are other people's."""

    namespace: str
    workflow: str
    step: str
    digest: str


class _Maker(NamedTuple):
    """A run that has the output. The newest output sorts last."""

    made_at: datetime
    uid: str
    name: str


class CachedSteps:
    """Tell it of every run as it is seen (`notice`), and when it is gone."""

    def __init__(self) -> None:
        self._makers: dict[_Place, list[_Maker]] = {}

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands."""
        for place, maker in _made(run):
            makers = self._makers.setdefault(place, [])
            if maker not in makers:
                insort(makers, maker)
                del makers[:-KEPT]

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted."""
        for place, maker in _made(run):
            makers = self._makers.get(place, [])
            if maker in makers:
                makers.remove(maker)
            if not makers:
                self._makers.pop(place, None)

    def find(self, run: WorkflowRun, step: str, digest: str) -> list[Key]:
        """Other runs of the run's Workflow with an output of this step for this digest, the newest output first."""
        workflow = run.spec.workflow.name if run.spec.workflow else ""
        makers = self._makers.get(_Place(run.metadata.namespace, workflow, step, digest), [])
        return [Key(run.metadata.namespace, each.name) for each in reversed(makers) if each.uid != run.metadata.uid]


def _made(run: WorkflowRun) -> Iterator[tuple[_Place, _Maker]]:
    if run.spec.workflow is None:
        return
    meta, workflow = run.metadata, run.spec.workflow.name
    for step, status in run.status.steps.items():
        if status.cache_digest is None:
            continue
        source = made(run, step, status.cache_digest)
        if source is not None:
            place = _Place(meta.namespace, workflow, step, status.cache_digest)
            yield place, _Maker(source.finished_at, meta.uid, meta.name)
