"""The side of people and agents, in memory. What a cluster's admission checks is checked here in the same way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import EditedBy, Workflow, WorkflowStatus
from penstock.application.step_attempts import may_still_print
from penstock.engine.model import AttemptId
from penstock.errors import Forbidden, InvalidInput, NotFound, NotPossible
from penstock.ports.access import Actor, Key, require_finished
from penstock.ports.engine import Clock
from penstock.ports.logs import LogCursor, LogPiece
from penstock.testing.memory_runner import MemoryRunner
from penstock.testing.memory_table import MemoryChanges, MemoryTable


class MemoryWorkflows:
    """Reading and writing Workflows."""

    def __init__(self, table: MemoryTable[Workflow], changes: MemoryChanges, actor: Actor) -> None:
        self._table = table
        self._changes = changes
        self._actor = actor

    async def get(self, key: Key) -> Workflow:
        """One Workflow. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[Workflow, ...]:
        """By name."""
        return tuple(
            sorted(self._table.all(namespace), key=lambda found: (found.metadata.namespace, found.metadata.name))
        )

    async def watch(self, namespace: str | None) -> AsyncGenerator[tuple[Workflow, ...]]:
        """All Workflows at once and after every change."""
        seen: tuple[Workflow, ...] | None = None
        while True:
            count = self._changes.count
            found = await self.list(namespace)
            if found != seen:
                seen = found
                yield found
            await self._changes.after(count)

    async def apply(self, workflow: Workflow) -> Workflow:
        """Create or replace spec and labels; who changes the spec is stamped here."""
        stored = self._table.find(Key(workflow.metadata.namespace, workflow.metadata.name))
        editor = EditedBy(user=self._actor.user, client=self._actor.client, groups=self._actor.groups)
        if stored is None:
            return self._table.insert(workflow.model_copy(update={"status": WorkflowStatus(), "edited_by": editor}))
        labels = workflow.metadata.labels
        if (stored.spec, stored.metadata.labels) == (workflow.spec, labels):
            return stored
        same = stored.spec == workflow.spec
        metadata = stored.metadata.model_copy(update={"labels": labels})
        changes = {"spec": workflow.spec, "metadata": metadata, "edited_by": stored.edited_by if same else editor}
        return self._table.replace(stored.model_copy(update=changes), new_spec=not same)


class MemoryRuns:
    """Asking for runs and looking at them."""

    def __init__(self, table: MemoryTable[WorkflowRun], changes: MemoryChanges, actor: Actor) -> None:
        self._table = table
        self._changes = changes
        self._actor = actor

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        """Create a run; who asked for it is stamped here. Raises AlreadyExists, InvalidInput."""
        if (run.spec.workflow is None) == (run.spec.inline is None):
            raise InvalidInput("exactly one of `workflow` and `inline` says what to run")
        actor = self._actor
        requester = RequestedBy(user=actor.user, client=actor.client, groups=actor.groups)
        spec = run.spec.model_copy(update={"requested_by": requester, "parent": None})
        return self._table.insert(run.model_copy(update={"spec": spec, "status": WorkflowRunStatus()}))

    async def get(self, key: Key) -> WorkflowRun:
        """One run. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None, *, limit: int = 100) -> tuple[WorkflowRun, ...]:
        """Newest first."""
        return self._table.all(namespace)[::-1][:limit]

    async def request_cancel(self, key: Key) -> WorkflowRun:
        """Ask for a run to be cancelled; harmless when it is asked for already."""
        return self._set(key, cancel=True)

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        """Hold a run, or let it go on; harmless when it is so already."""
        return self._set(key, suspend=suspend)

    def _set(self, key: Key, **changes: bool) -> WorkflowRun:
        run = self._table.get(key)
        spec = run.spec.model_copy(update=changes)
        if spec == run.spec:
            return run
        return self._table.replace(run.model_copy(update={"spec": spec}), new_spec=True)

    async def delete(self, run: WorkflowRun) -> None:
        """Remove a finished run. Raises NotPossible, NotFound."""
        require_finished(run)
        key = Key(run.metadata.namespace, run.metadata.name)
        if self._table.get(key).metadata.uid != run.metadata.uid:
            raise NotFound(f"run {key} is gone")
        self._table.remove(key)

    async def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        """The run as it is, then after every change. Raises NotFound when it is or goes away."""
        seen = ""
        while True:
            count = self._changes.count
            run = self._table.get(key)
            if run.metadata.resource_version != seen:
                seen = run.metadata.resource_version
                yield run
            await self._changes.after(count)


class MemoryApprovals:
    """Gates: looking at them and deciding."""

    def __init__(self, table: MemoryTable[ApprovalRequest], actor: Actor, clock: Clock, *, local: bool) -> None:
        self._table = table
        self._actor = actor
        self._clock = clock
        self._local = local

    async def get(self, key: Key) -> ApprovalRequest:
        """One ApprovalRequest. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[ApprovalRequest, ...]:
        """Oldest first."""
        return self._table.all(namespace)

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        """Append a decision. Raises Forbidden with the reason, NotFound, NotPossible when it is too late."""
        request = self._table.get(key)
        if request.status.phase != "Pending" or self._clock.now() >= request.spec.request.expires_at:
            raise NotPossible(f"approval {key.name} is settled")
        refusal = self._refusal(request, decision)
        if refusal is not None:
            raise Forbidden(refusal)
        vote = decision.model_copy(update={"client": self._actor.client})
        spec = request.spec.model_copy(update={"decisions": (*request.spec.decisions, vote)})
        return self._table.replace(request.model_copy(update={"spec": spec}), new_spec=True)

    def _refusal(self, request: ApprovalRequest, decision: Decision) -> str | None:
        asked, me = request.spec.request, self._actor
        strangers = not self._local and me.user not in asked.approvers.users
        checks = (
            (decision.by != me.user, "a decision is your own: `by` must be your name"),
            (decision.client not in ("", me.client), "`client` must be the client that you come through"),
            (decision.digest != asked.digest, "a decision carries the digest of the request"),
            (any(vote.by == me.user for vote in request.spec.decisions), "you have decided already"),
            (self._local and decision.verdict == "bypass", "there is nobody to bypass"),
            (not self._local and asked.requested_by.user == me.user, "whoever requested a run may not decide on it"),
            (strangers and not set(me.groups) & set(asked.approvers.groups), "you are not an approver"),
        )
        return next((text for refused, text in checks if refused), None)


class MemoryLogs:
    """What steps printed, as far as the runner was told."""

    def __init__(self, runner: MemoryRunner, runs: MemoryTable[WorkflowRun], changes: MemoryChanges) -> None:
        self._runner = runner
        self._runs = runs
        self._changes = changes

    async def read(
        self, run: WorkflowRun, attempt: AttemptId, *, after: LogCursor | None = None, follow: bool = False
    ) -> AsyncIterator[LogPiece]:
        """What the attempt printed after the cursor; with `follow` until it ends."""
        cursor = after or LogCursor(attempt.attempt, batch=attempt.batch)
        while True:
            count = self._changes.count
            found = self._runner.find(run.metadata.uid, attempt)
            current = self._runs.get(Key(run.metadata.namespace, run.metadata.name))
            if found is None and not (follow and may_still_print(current, attempt)):
                raise NotFound(f"step {attempt.step} has no attempt {attempt.attempt}")
            if found is not None:
                ended = found.fact.ended
                if fresh := bytes(found.printed[cursor.offset :]):
                    cursor = replace(cursor, offset=cursor.offset + len(fresh))
                    yield LogPiece(fresh, cursor)
                if ended or not follow:
                    return
            await self._changes.after(count)


class MemoryCaller:
    """The identity behind an Access."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    async def whoami(self) -> Actor:
        """As the test said."""
        return self._actor
