"""Workflows and their revisions in the database."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable

from penstock.adapters.local.changes import Changes
from penstock.adapters.local.database import Database
from penstock.adapters.local.names import check_name
from penstock.adapters.local.objects import ObjectTable, Place
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import EditedBy, Revision, Workflow, WorkflowSpec, WorkflowStatus
from penstock.engine.digests import REVISION_SCHEME, digest
from penstock.engine.identifiers import revision_name
from penstock.errors import InvalidInput, NotFound
from penstock.ports.access import Caller, Key
from penstock.ports.engine import Clock, Content


def workflow_table(database: Database, clock: Clock, new_uid: Callable[[], str]) -> ObjectTable[Workflow]:
    """The Workflows of a database."""
    return ObjectTable(database, Workflow, lambda _: Place(), clock, new_uid)


class LocalWorkflows:
    """Reading and writing Workflows."""

    def __init__(self, table: ObjectTable[Workflow], database: Database, changes: Changes, caller: Caller) -> None:
        self._table = table
        self._database = database
        self._changes = changes
        self._caller = caller

    async def get(self, key: Key) -> Workflow:
        """One Workflow. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[Workflow, ...]:
        """The Workflows of a namespace, by name; of all namespaces for None."""
        return self._table.list_readable("list_objects_by_name", namespace=namespace)

    async def watch(self, namespace: str | None) -> AsyncGenerator[tuple[Workflow, ...]]:
        """All Workflows at once and after every change."""
        seen: tuple[int, int] | None = None
        while True:
            mark = self._changes.mark()
            # Runs are written far more often than Workflows: reading all of those each time would be felt.
            state = self._table.state()
            if state != seen:
                seen = state
                yield await self.list(namespace)
            await self._changes.after(mark)

    async def apply(self, workflow: Workflow) -> Workflow:
        """Create the Workflow or replace its spec and labels; one that is as it should be is not written."""
        metadata = workflow.metadata
        check_name(metadata.name)
        actor = await self._caller.whoami()
        editor = EditedBy(user=actor.user, client=actor.client, groups=actor.groups)
        with self._database.transaction():
            stored = self._table.find(Key(metadata.namespace, metadata.name))
            if stored is None:
                return self._table.insert(workflow.model_copy(update={"status": WorkflowStatus(), "edited_by": editor}))
            same_spec = stored.spec == workflow.spec
            if same_spec and stored.metadata.labels == metadata.labels:
                return stored
            changed = stored.model_copy(
                update={
                    "spec": workflow.spec,
                    "metadata": stored.metadata.model_copy(update={"labels": metadata.labels}),
                    "edited_by": stored.edited_by if same_spec else editor,
                }
            )
            return self._table.replace(changed, new_spec=not same_spec)


class LocalRevisions:
    """Immutable contents of Workflows, kept from the moment that a run is pinned to them."""

    def __init__(self, workflows: ObjectTable[Workflow], database: Database) -> None:
        self._workflows = workflows
        self._database = database

    async def content(self, run: WorkflowRun) -> Content:
        """The content that the run is pinned to; the Workflow's current one where it is not pinned yet.

        Raises NotFound when the Workflow or the revision does not exist.
        """
        if run.spec.inline is not None:
            return Content(run.spec.inline, None)
        reference = run.spec.workflow
        if reference is None:
            raise InvalidInput("a run names a `workflow` or has an `inline` spec")
        pinned = run.status.revision.name if run.status.revision else reference.revision
        if pinned is not None:
            return self._kept(run.metadata.namespace, pinned)
        return await self.current(Key(run.metadata.namespace, reference.name))

    async def current(self, workflow: Key) -> Content:
        """The content that a Workflow has now, made sure to last. Raises NotFound."""
        return self._pin(self._workflows.get(workflow))

    def drop_old(self) -> None:
        """Forget the contents that no run names and no Workflow has."""
        with self._database.transaction():
            idle = {Key(*row) for row in self._database.rows("list_idle_revisions")}
            if not idle:
                return
            for workflow in self._workflows.list("list_objects_by_name", namespace=None):
                name = revision_name(workflow.metadata.name, digest(REVISION_SCHEME, workflow.spec.to_wire()))
                idle.discard(Key(workflow.metadata.namespace, name))
            for revision in idle:
                self._database.rows("delete_revision", namespace=revision.namespace, name=revision.name)

    def _kept(self, namespace: str, name: str) -> Content:
        row = self._database.row("find_revision", namespace=namespace, name=name)
        if row is None:
            raise NotFound(f"there is no revision {namespace}/{name}")
        return Content(WorkflowSpec.model_validate_json(row[1]), Revision(name=name, digest=row[0]))

    def _pin(self, workflow: Workflow) -> Content:
        metadata, spec = workflow.metadata, workflow.spec.to_wire()
        revision_digest = digest(REVISION_SCHEME, spec)
        name = revision_name(metadata.name, revision_digest)
        if self._database.row("find_revision", namespace=metadata.namespace, name=name) is None:
            with self._database.transaction():
                text = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
                self._database.rows(
                    "insert_revision", namespace=metadata.namespace, name=name, digest=revision_digest, spec=text
                )
        return self._kept(metadata.namespace, name)
