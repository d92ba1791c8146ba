"""Runs in the database: as people ask for them, and as the reconcile loop writes their status."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from penstock.adapters.local.changes import Changes
from penstock.adapters.local.database import Database
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.names import check_name
from penstock.adapters.local.objects import ObjectTable, Place
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.unreadable import unreadable_run
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists, InvalidInput, NotFound, NotPossible, Problem
from penstock.ports.access import Caller, Key, require_finished, require_same
from penstock.ports.engine import Clock

CheckSecrets = Callable[[WorkflowRun], Awaitable[None]]
"""Raises SecretMissing where the steps of a run would not find what they use."""


def run_table(database: Database, clock: Clock, new_uid: Callable[[], str]) -> ObjectTable[WorkflowRun]:
    """The runs of a database."""
    return ObjectTable(database, WorkflowRun, _place, clock, new_uid)


def _place(run: WorkflowRun) -> Place:
    return Place(run=run.metadata.name, run_uid=run.metadata.uid, finished=RunPhase(run.status.phase).finished)


class LocalRuns:
    """Asking for runs and looking at them."""

    def __init__(
        self,
        table: ObjectTable[WorkflowRun],
        database: Database,
        directory: DataDirectory,
        changes: Changes,
        caller: Caller,
        check_secrets: CheckSecrets,
    ) -> None:
        self._table = table
        self._check_secrets = check_secrets
        self._directory = directory
        self._database = database
        self._changes = changes
        self._caller = caller

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        """Create a run; who asked for it is stamped here, and it is no child.

        Raises AlreadyExists, InvalidInput, and SecretMissing where its steps would not find what they use.
        """
        check_name(run.metadata.name)
        if (run.spec.workflow is None) == (run.spec.inline is None):
            problem = Problem("spec", "exactly one of `workflow` and `inline` says what to run")
            raise InvalidInput("the run cannot be created", problems=(problem,))
        await self._check_secrets(run)
        actor = await self._caller.whoami()
        requester = RequestedBy(user=actor.user, client=actor.client, groups=actor.groups)
        spec = run.spec.model_copy(update={"requested_by": requester, "parent": None})
        with self._database.transaction():
            self._check_key(run)
            return self._table.insert(run.model_copy(update={"spec": spec, "status": WorkflowRunStatus()}))

    def _check_key(self, run: WorkflowRun) -> None:
        key, workflow = run.spec.idempotency_key, run.spec.workflow.name if run.spec.workflow else None
        if key is None:
            return
        row = self._database.row("find_run_with_key", namespace=run.metadata.namespace, key=key, workflow=workflow)
        if row is not None:
            raise AlreadyExists(
                f"idempotency key `{key}` is that of run {row[0]}",
                hint="Look at that run, or use a new key for a new run.",
            )

    async def get(self, key: Key) -> WorkflowRun:
        """One run. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None, *, limit: int = 100) -> tuple[WorkflowRun, ...]:
        """The newest runs, newest first; of all namespaces for None."""
        return self._table.list_readable("list_objects_newest_first", namespace=namespace, limit=limit)

    async def request_cancel(self, key: Key) -> WorkflowRun:
        """Ask for a run to be cancelled; harmless when it is asked for already."""
        return self._set(key, cancel=True)

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        """Hold a run, or let it go on; harmless when it is so already."""
        return self._set(key, suspend=suspend)

    def _set(self, key: Key, **changes: bool) -> WorkflowRun:
        with self._database.transaction():
            run = self._table.get(key)
            spec = run.spec.model_copy(update=changes)
            if spec == run.spec:
                return run
            return self._table.replace(run.model_copy(update={"spec": spec}), new_spec=True)

    async def delete(self, run: WorkflowRun) -> None:
        """Remove a finished run with its gates, attempts, outputs and logs, and with the runs of its steps."""
        require_finished(run)
        key = Key(run.metadata.namespace, run.metadata.name)
        with self._database.transaction():
            if self._table.get(key).metadata.uid != run.metadata.uid:
                raise NotFound(f"run {key} is gone; another has its name")
            family = self._database.rows("list_family_of_run", run_uid=run.metadata.uid)
            for uid, name, finished in family:
                self._check_not_needed(Key(key.namespace, name), uid, finished=finished)
            for uid, _, _ in family:
                self._database.rows("delete_attempts_of_run", run_uid=uid)
                self._database.rows("delete_objects_of_run", run_uid=uid)
        for uid, _, _ in family:
            await asyncio.to_thread(shutil.rmtree, self._directory.run(uid), ignore_errors=True)

    def _check_not_needed(self, key: Key, uid: str, *, finished: bool) -> None:
        if not finished:
            raise NotPossible(
                f"run {key}, a step of it, is not finished", hint="Cancel it first, and wait for its end."
            )
        if self._database.row("find_open_attempt", run_uid=uid) is not None:
            raise NotPossible(f"run {key} has a process that still ends", hint="Try again in a moment.")
        retry = self._database.row("find_retry_of", namespace=key.namespace, name=key.name)
        if retry is not None:
            raise NotPossible(f"run {key} is retried by run {retry[0]}", hint="Wait for the end of that run.")

    async def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        """The run as it is, then after every change, without end. Raises NotFound when it is or goes away."""
        seen = ""
        while True:
            mark = self._changes.mark()
            run = self._table.get(key)
            if run.metadata.resource_version != seen:
                seen = run.metadata.resource_version
                yield run
            await self._changes.after(mark)


class LocalLedger:
    """The runs, as the reconcile loop sees them."""

    def __init__(self, table: ObjectTable[WorkflowRun], database: Database, clock: Clock) -> None:
        self._table = table
        self._database = database
        self._clock = clock

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says; False where one of its name is there already."""
        try:
            self._table.insert(run)
        except AlreadyExists:
            return False
        return True

    async def load(self, key: Key) -> WorkflowRun | None:
        """The newest copy; one that nobody can read is failed with what is wrong with it."""
        try:
            return self._table.find(key)
        except InvalidInput as error:
            self._table.finish(key, unreadable_run(error.problems, self._clock.now()).to_wire())
            return None

    async def save_status(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        """Write the status if nobody wrote since `run` was read. Raises Conflict otherwise, NotFound when gone."""
        return self._table.replace(run.model_copy(update={"status": status}))

    async def confirm(self, run: WorkflowRun) -> None:
        """Look whether the run is as it was read. Raises Conflict, NotFound."""
        require_same(run, self._table.find(Key(run.metadata.namespace, run.metadata.name)))

    async def with_cached(self, run: WorkflowRun, step: str, digest: str) -> Sequence[WorkflowRun]:
        """Runs of the same Workflow in which this step succeeded on the same; the newest output first."""
        if run.spec.workflow is None:
            return ()
        return self._table.list_readable(
            "list_runs_with_cached",
            namespace=run.metadata.namespace,
            workflow=run.spec.workflow.name,
            uid=run.metadata.uid,
            step=step,
            digest=digest,
        )

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""
        with self._database.transaction():
            run = self._table.find(key)
            if run is None or run.spec.cancel or RunPhase(run.status.phase).finished:
                return None
            spec = run.spec.model_copy(update={"cancel": True})
            return self._table.replace(run.model_copy(update={"spec": spec}), new_spec=True)
