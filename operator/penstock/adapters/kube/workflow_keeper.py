"""What the operator says of a Workflow: its revision, and whether it can be run, with every problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import WORKFLOWS
from penstock.adapters.kube.revisions import KubeRevisions, revision_of
from penstock.adapters.kube.status_patches import precondition, whole_status
from penstock.api.v1alpha1.meta import Condition
from penstock.api.v1alpha1.workflow import Revision, Workflow, WorkflowSpec, WorkflowStatus
from penstock.errors import Conflict, NotFound, Problem
from penstock.ports.access import Key
from penstock.ports.engine import Clock

_MESSAGE_LIMIT = 32_768

Check = Callable[[str, WorkflowSpec], tuple[Problem, ...]]
"""(revisionDigest, spec) -> every problem, none for a Workflow that can be run."""


class WorkflowKeeper:
    """Looks at one Workflow at a time; writes its status when that has something new to say, and only then."""

    def __init__(
        self, client: KubeClient, workflows: Copies[Workflow], revisions: KubeRevisions, check: Check, clock: Clock
    ) -> None:
        self._client = client
        self._workflows = workflows
        self._revisions = revisions
        self._check = check
        self._clock = clock

    async def reconcile(self, key: Key) -> datetime | None:
        """Store the Workflow's content if it is valid, and say how it stands."""
        unreadable = self._workflows.unreadable(key)
        if unreadable is not None:
            status = self._status(unreadable.metadata.generation, None, unreadable.problems)
            await self._write(key, unreadable.metadata.resource_version, status)
            return None
        workflow = await self._workflows.load(key)
        if workflow is None:
            return None
        revision = revision_of(key.name, workflow.spec)
        problems = self._check(revision.digest, workflow.spec)
        if not problems:
            await self._revisions.ensure(workflow, revision)
        status = self._status(workflow.metadata.generation, None if problems else revision, problems)
        if _said(workflow.status) != _said(status):
            await self._write(key, workflow.metadata.resource_version, status)
        return None

    def _status(self, generation: int, revision: Revision | None, problems: tuple[Problem, ...]) -> WorkflowStatus:
        message = "\n".join(map(str, problems)) if problems else "The Workflow can be run."
        ready = Condition(
            type="Ready",
            status="False" if problems else "True",
            reason="Invalid" if problems else "Valid",
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=self._clock.now(),
            observed_generation=generation,
        )
        return WorkflowStatus(observed_generation=generation, revision=revision, conditions=(ready,))

    async def _write(self, key: Key, resource_version: str, status: WorkflowStatus) -> None:
        operations = [precondition(resource_version), *whole_status(status.to_wire())]
        path = WORKFLOWS.path(key.namespace, key.name, "status")
        try:
            self._workflows.take(await self._client.json_patch(path, operations, Workflow.model_validate_json))
        except NotFound:
            self._workflows.forget(key)
        except Conflict:
            self._workflows.doubt(key)
            raise


def _said(status: WorkflowStatus) -> object:
    """What the status says, whenever it began to say it."""
    conditions = tuple(each.model_copy(update={"last_transition_time": None}) for each in status.conditions)
    return status.observed_generation, status.revision, conditions
