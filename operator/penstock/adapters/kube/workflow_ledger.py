"""The Workflows: read from memory, their status written with the resourceVersion as precondition."""

from __future__ import annotations

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import WORKFLOWS
from penstock.adapters.kube.status_patches import precondition, whole_status
from penstock.api.v1alpha1.workflow import Workflow, WorkflowStatus
from penstock.errors import Conflict, NotFound, Unavailable
from penstock.ports.access import Key


class KubeWorkflowLedger:
    """WorkflowLedger of ports.schedules. `workflows` is fed from outside with watch events."""

    def __init__(self, client: KubeClient, workflows: Copies[Workflow]) -> None:
        self._client = client
        self._workflows = workflows

    async def load(self, key: Key) -> Workflow | None:
        """The newest copy known; None where there is none, or one that nobody can read."""
        if self._workflows.unreadable(key) is not None:
            return None
        return await self._workflows.load(key)

    async def save_status(self, workflow: Workflow, status: WorkflowStatus) -> Workflow:
        """Write the status in one request. Raises Conflict, NotFound, Unavailable."""
        key = Key(workflow.metadata.namespace, workflow.metadata.name)
        return await self.write(key, workflow.metadata.resource_version, status)

    async def write(self, key: Key, resource_version: str, status: WorkflowStatus) -> Workflow:
        """The same for a Workflow of which no more than this is known."""
        operations = [precondition(resource_version), *whole_status(status.to_wire())]
        path = WORKFLOWS.path(key.namespace, key.name, "status")
        try:
            return self._workflows.take(await self._client.json_patch(path, operations, Workflow.model_validate_json))
        except NotFound:
            self._workflows.forget(key)
            raise
        except (Conflict, Unavailable):
            self._workflows.doubt(key)
            raise
