"""What is needed to start runs by the clock: the Workflows with their status, and their scheduled runs."""

from __future__ import annotations

from typing import Protocol

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow, WorkflowStatus
from penstock.ports.access import Key


class WorkflowLedger(Protocol):
    """The Workflows; their status remembers how far each schedule has come."""

    async def load(self, key: Key) -> Workflow | None:
        """The newest copy known, from memory where possible; None when there is no such Workflow."""

    async def save_status(self, workflow: Workflow, status: WorkflowStatus) -> Workflow:
        """Write the status if nobody wrote since `workflow` was read. Raises Conflict otherwise, NotFound when gone."""


class ScheduledRuns(Protocol):
    """Runs that a schedule starts."""

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says, `requestedBy` too; False where one of its name is there already.

        Raises Forbidden, InvalidInput, NotFound where the run is refused.
        """

    async def unfinished(self, workflow: Key, schedule: str) -> tuple[WorkflowRun, ...]:
        """The runs that this schedule of a Workflow has started and that have not ended."""

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""
