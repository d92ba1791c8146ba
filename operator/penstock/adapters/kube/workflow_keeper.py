"""What the operator says of a Workflow: its revision, and whether it can be run, with every problem."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.revisions import KubeRevisions, revision_of
from penstock.adapters.kube.workflow_ledger import KubeWorkflowLedger
from penstock.api.v1alpha1.meta import Condition
from penstock.api.v1alpha1.workflow import Revision, Workflow, WorkflowSpec, WorkflowStatus
from penstock.errors import NotFound, Problem
from penstock.ports.access import Key
from penstock.ports.engine import Clock

_READY = "Ready"
_MESSAGE_LIMIT = 32_768

Check = Callable[[str, WorkflowSpec], tuple[Problem, ...]]
"""(revisionDigest, spec) -> every problem, none for a Workflow that can be run."""


class WorkflowKeeper:
    """Looks at one Workflow at a time; writes its status when that has something new to say, and only then."""

    def __init__(
        self,
        ledger: KubeWorkflowLedger,
        workflows: Copies[Workflow],
        revisions: KubeRevisions,
        check: Check,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._workflows = workflows
        self._revisions = revisions
        self._check = check
        self._clock = clock

    async def reconcile(self, key: Key) -> datetime | None:
        """Store the Workflow's content if it is valid, and say how it stands."""
        unreadable = self._workflows.unreadable(key)
        if unreadable is not None:
            status = self._status(WorkflowStatus(), unreadable.metadata.generation, None, unreadable.problems)
            await self._write(key, unreadable.metadata.resource_version, status)
            return None
        workflow = await self._workflows.load(key)
        if workflow is None:
            return None
        revision = revision_of(key.name, workflow.spec)
        problems = self._check(revision.digest, workflow.spec)
        if not problems:
            await self._revisions.ensure(workflow, revision)
        status = self._status(workflow.status, workflow.metadata.generation, None if problems else revision, problems)
        if _said(workflow.status) != _said(status):
            await self._write(key, workflow.metadata.resource_version, status)
        return None

    def _status(
        self, before: WorkflowStatus, generation: int, revision: Revision | None, problems: tuple[Problem, ...]
    ) -> WorkflowStatus:
        """What was said `before`, with what is to be said of these; the rest is others' business."""
        message = "\n".join(map(str, problems)) if problems else "The Workflow can be run."
        ready = Condition(
            type=_READY,
            status="False" if problems else "True",
            reason="Invalid" if problems else "Valid",
            message=message[:_MESSAGE_LIMIT],
            last_transition_time=self._clock.now(),
            observed_generation=generation,
        )
        others = tuple(each for each in before.conditions if each.type != _READY)
        changes = {"observed_generation": generation, "revision": revision, "conditions": (ready, *others)}
        return before.model_copy(update=changes)

    async def _write(self, key: Key, resource_version: str, status: WorkflowStatus) -> None:
        try:
            await self._ledger.write(key, resource_version, status)
        except NotFound:
            return  # it is gone, and so is all there was to say of it


def _said(status: WorkflowStatus) -> object:
    """What the status says, whenever it began to say it."""
    conditions = tuple(each.model_copy(update={"last_transition_time": None}) for each in status.conditions)
    return status.observed_generation, status.revision, conditions
