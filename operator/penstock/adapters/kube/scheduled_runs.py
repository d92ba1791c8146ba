"""Runs that schedules start, created by the operator for those who wrote the Workflows."""

from __future__ import annotations

from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.run_ledger import RunLedger
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists
from penstock.ports.access import Key


class KubeScheduledRuns:
    """ScheduledRuns of ports.schedules. `runs` is fed from outside with watch events."""

    def __init__(self, runs: Copies[WorkflowRun], ledger: RunLedger) -> None:
        self._runs = runs
        self._ledger = ledger

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run as it is; False where it is there. Raises AlreadyExists where another one has its name."""
        if await self._ledger.create(run):
            return True
        key = Key(run.metadata.namespace, run.metadata.name)
        found = await self._runs.load(key)
        # The label is the operator's alone, so nobody can take a moment's run away by creating one of its name.
        if found is not None and SCHEDULE_LABEL not in found.metadata.labels:
            raise AlreadyExists(f"there is a run {key.name} already that no schedule has started")
        return False

    async def unfinished(self, workflow: Key, schedule: str) -> tuple[WorkflowRun, ...]:
        """From memory."""
        return tuple(
            run
            for run in self._runs
            if run.metadata.labels.get(SCHEDULE_LABEL) == schedule
            and run.metadata.namespace == workflow.namespace
            and run.spec.workflow is not None
            and run.spec.workflow.name == workflow.name
            and not RunPhase(run.status.phase).finished
        )

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""
        return await self._ledger.request_cancel(key)
