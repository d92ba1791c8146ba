"""Workflows with their status, scheduled runs and people's rights, in memory."""

from __future__ import annotations

from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun
from penstock.api.v1alpha1.schedules import SCHEDULE_LABEL
from penstock.api.v1alpha1.workflow import Workflow, WorkflowSpec, WorkflowStatus
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists
from penstock.ports.access import Key
from penstock.testing.memory_table import MemoryTable


class MemorySchedules:
    """What a scheduler needs of a store, and who may run what: everybody everything, unless a test says otherwise."""

    def __init__(self, workflows: MemoryTable[Workflow], runs: MemoryTable[WorkflowRun]) -> None:
        self._workflows = workflows
        self._runs = runs
        self.refusals: dict[str, str] = {}
        """By user: why this person may run nothing."""

    async def load(self, key: Key) -> Workflow | None:
        """The newest copy."""
        return self._workflows.find(key)

    async def save_status(self, workflow: Workflow, status: WorkflowStatus) -> Workflow:
        """Compare and set. Raises Conflict, NotFound."""
        return self._workflows.replace(workflow.model_copy(update={"status": status}))

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run as it is; False where there is one by its name."""
        try:
            self._runs.insert(run)
        except AlreadyExists:
            return False
        return True

    async def unfinished(self, workflow: Key, schedule: str) -> tuple[WorkflowRun, ...]:
        """Of this schedule."""
        return tuple(
            run
            for run in self._runs.all(workflow.namespace)
            if run.metadata.labels.get(SCHEDULE_LABEL) == schedule
            and run.spec.workflow is not None
            and run.spec.workflow.name == workflow.name
            and not RunPhase(run.status.phase).finished
        )

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for it, once."""
        run = self._runs.find(key)
        if run is None or run.spec.cancel or RunPhase(run.status.phase).finished:
            return None
        spec = run.spec.model_copy(update={"cancel": True})
        return self._runs.replace(run.model_copy(update={"spec": spec}), new_spec=True)

    async def refusal(self, who: RequestedBy, namespace: str, wanted: Key | WorkflowSpec) -> str:  # noqa: ARG002  the port's
        """As the test said."""
        return self.refusals.get(who.user, "")
