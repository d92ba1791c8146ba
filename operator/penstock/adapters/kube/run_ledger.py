"""The runs: read from memory, written one JSON patch at a time with the resourceVersion as precondition."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import RUNS
from penstock.adapters.kube.status_patches import changed_status, precondition, whole_status
from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.unreadable import unreadable_run
from penstock.application.cached_steps import CachedSteps
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists, Conflict, NotFound, Unavailable
from penstock.ports.access import Key, require_same
from penstock.ports.engine import Clock


class RunLedger:
    """Ledger of ports.engine on WorkflowRuns. `runs` is fed from outside with watch events."""

    def __init__(
        self,
        client: KubeClient,
        runs: Copies[WorkflowRun],
        clock: Clock,
        wake: Callable[[Key], None],
        cached: CachedSteps,
        written: Callable[[WorkflowRun, WorkflowRun], None] = lambda _before, _after: None,
    ) -> None:
        """Have `wake` called with a run that this one creates or asks to stop: once its answer is known here, the
        watch event of the same state is no news and wakes nobody. `cached` is fed from outside with all runs.
        `written` is told of each status that was written: the run before it, and after it.
        """
        self._client = client
        self._runs = runs
        self._clock = clock
        self._wake = wake
        self._cached = cached
        self._written = written

    async def load(self, key: Key) -> WorkflowRun | None:
        """The newest copy known; one that nobody can read is failed with what is wrong with it."""
        unreadable = self._runs.unreadable(key)
        if unreadable is None:
            unknown = self._runs.get(key) is None
            found = await self._runs.load(key)
            if found is not None and unknown:
                # Taken in here, it is no news when the watch comes to it, and nobody else would have it looked at.
                self._wake(key)
            return found
        status = unreadable_run(unreadable.problems, self._clock.now())
        operations = [precondition(unreadable.metadata.resource_version), *whole_status(status.to_wire())]
        try:
            await self._client.json_patch(RUNS.path(key.namespace, key.name, "status"), operations, lambda _: None)
        except NotFound:
            self._runs.forget(key)
        return None

    async def confirm(self, run: WorkflowRun) -> None:
        """Read the run from the server, past the copy. Raises Conflict, NotFound, Unavailable."""
        require_same(run, await self._runs.fetch(Key(run.metadata.namespace, run.metadata.name)))

    async def with_cached(self, run: WorkflowRun, step: str, digest: str) -> Sequence[WorkflowRun]:
        """Runs of which we have a copy in which this step succeeded on the same; the newest output first."""
        known = map(self._runs.get, self._cached.find(run, step, digest))
        return tuple(found for found in known if found is not None)

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says; False where one of its name is there already."""
        path = RUNS.path(run.metadata.namespace)
        try:
            self._runs.take(await self._client.create(path, run.to_wire(), WorkflowRun.model_validate_json))
        except AlreadyExists:
            return False
        self._wake(Key(run.metadata.namespace, run.metadata.name))
        return True

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""
        known = await self._runs.load(key)
        if known is None or known.spec.cancel or RunPhase(known.status.phase).finished:
            return None
        path, patch = RUNS.path(key.namespace, key.name), {"spec": {"cancel": True}}
        try:
            asked = self._runs.take(await self._client.merge_patch(path, patch, WorkflowRun.model_validate_json))
        except NotFound:
            self._runs.forget(key)
            return None
        self._wake(key)
        return asked

    async def save_status(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        """Write what changed, in one request; nothing where nothing did. Raises Conflict, NotFound, Unavailable."""
        key = Key(run.metadata.namespace, run.metadata.name)
        known = self._runs.get(key)
        wire = status.to_wire()
        if known is not None and known.metadata.resource_version == run.metadata.resource_version:
            changes = changed_status(known.status.to_wire(), wire)
        else:
            changes = whole_status(wire)
        if not changes:
            return run
        operations = [precondition(run.metadata.resource_version), *changes]
        path = RUNS.path(key.namespace, key.name, "status")
        try:
            written = await self._client.json_patch(path, operations, WorkflowRun.model_validate_json)
        except NotFound:
            self._runs.forget(key)
            raise
        except (Conflict, Unavailable):
            # What the server has now is not what we know, or may not be.
            self._runs.doubt(key)
            raise
        self._written(run, written)
        self._runs.take(written)
        return written
