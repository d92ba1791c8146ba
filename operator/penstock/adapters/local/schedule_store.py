"""Schedules in the database: how far they have come, and the runs that they start."""

from __future__ import annotations

from penstock.adapters.local.objects import ObjectTable
from penstock.adapters.local.run_store import LocalLedger
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL
from penstock.api.v1alpha1.workflow import EditedBy, Workflow, WorkflowStatus
from penstock.ports.access import Caller, Key


class LocalWorkflowLedger:
    """The Workflows, with their status."""

    def __init__(self, table: ObjectTable[Workflow], caller: Caller) -> None:
        self._table = table
        self._caller = caller

    async def load(self, key: Key) -> Workflow | None:
        """One Workflow; whoever wrote it is the person at this machine."""
        found = self._table.find(key)
        if found is None or found.edited_by is not None:
            return found
        # Written before it was kept who did.
        actor = await self._caller.whoami()
        return found.model_copy(update={"edited_by": EditedBy(user=actor.user, client=actor.client)})

    async def save_status(self, workflow: Workflow, status: WorkflowStatus) -> Workflow:
        """Write the status if nobody wrote since `workflow` was read. Raises Conflict otherwise, NotFound when gone."""
        return self._table.replace(workflow.model_copy(update={"status": status}))


class LocalScheduledRuns:
    """Runs that a schedule starts."""

    def __init__(self, table: ObjectTable[WorkflowRun], ledger: LocalLedger) -> None:
        self._table = table
        self._ledger = ledger

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run as it is; False where one of its name is there already, by whichever process."""
        return await self._ledger.create(run)

    async def unfinished(self, workflow: Key, schedule: str) -> tuple[WorkflowRun, ...]:
        """The runs that this schedule of a Workflow has started and that have not ended."""
        found = self._table.list_readable("list_unfinished_objects", namespace=workflow.namespace)
        return tuple(
            run
            for run in found
            if run.metadata.labels.get(SCHEDULE_LABEL) == schedule
            and run.spec.workflow is not None
            and run.spec.workflow.name == workflow.name
        )

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""
        return await self._ledger.request_cancel(key)
