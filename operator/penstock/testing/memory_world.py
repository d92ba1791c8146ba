"""A whole world in memory: people reach it by `access`, a reconcile loop by `engine`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from penstock.api.v1alpha1.approval import ApprovalRequest, ApprovalRequestSpec, ApprovalRequestStatus
from penstock.api.v1alpha1.gates import gate_fact, gate_request
from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision, Workflow, WorkflowSpec
from penstock.application.cached_steps import CachedSteps
from penstock.application.check_context import check_context
from penstock.application.check_output import check_output
from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.digests import REVISION_SCHEME, digest
from penstock.engine.facts import GateFact, Value
from penstock.engine.identifiers import revision_name
from penstock.engine.model import RunPhase
from penstock.errors import AlreadyExists, InvalidInput, NotFound, Problem
from penstock.ports.access import Access, Actor, Key, require_same
from penstock.ports.engine import Content, Evaluator
from penstock.testing.clock import FakeClock
from penstock.testing.memory_access import MemoryApprovals, MemoryCaller, MemoryLogs, MemoryRuns, MemoryWorkflows
from penstock.testing.memory_connections import MemoryConnections
from penstock.testing.memory_outputs import MemoryOutputs
from penstock.testing.memory_runner import MemoryRunner
from penstock.testing.memory_schedules import MemorySchedules
from penstock.testing.memory_table import MemoryChanges, MemoryTable

if TYPE_CHECKING:
    from penstock.application.reconcile_run import Engine


class MemoryLedger:
    """The runs, as the reconcile loop sees them."""

    def __init__(self, table: MemoryTable[WorkflowRun]) -> None:
        self._table = table

    async def load(self, key: Key) -> WorkflowRun | None:
        """The newest copy."""
        return self._table.find(key)

    async def confirm(self, run: WorkflowRun) -> None:
        """Look whether the run is as it was read. Raises Conflict, NotFound."""
        require_same(run, self._table.find(Key(run.metadata.namespace, run.metadata.name)))

    async def with_cached(self, run: WorkflowRun, step: str, digest: str) -> Sequence[WorkflowRun]:
        """Runs of the same Workflow in which this step succeeded on the same; the newest output first."""
        cached = CachedSteps()
        for other in self._table.all():
            cached.notice(other)
        return tuple(map(self._table.get, cached.find(run, step, digest)))

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says; False where one of its name is there already."""
        try:
            self._table.insert(run)
        except AlreadyExists:
            return False
        return True

    async def save_status(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        """Compare and set. Raises Conflict, NotFound."""
        return self._table.replace(run.model_copy(update={"status": status}))

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for it, once."""
        run = self._table.find(key)
        if run is None or run.spec.cancel or RunPhase(run.status.phase).finished:
            return None
        spec = run.spec.model_copy(update={"cancel": True})
        return self._table.replace(run.model_copy(update={"spec": spec}), new_spec=True)


class MemoryRevisions:
    """Immutable contents of Workflows."""

    def __init__(self, workflows: MemoryTable[Workflow]) -> None:
        self._workflows = workflows
        self._kept: dict[Key, tuple[WorkflowSpec, Revision]] = {}

    async def content(self, run: WorkflowRun) -> Content:
        """The content that the run is pinned to; the current one where it is not. Raises NotFound."""
        namespace, reference = run.metadata.namespace, run.spec.workflow
        if run.spec.inline is not None:
            return Content(run.spec.inline, None)
        if reference is None:
            raise InvalidInput("a run names a `workflow` or has an `inline` spec")
        pinned = run.status.revision.name if run.status.revision else reference.revision
        if pinned is None:
            return await self.current(Key(namespace, reference.name))
        if Key(namespace, pinned) not in self._kept:
            raise NotFound(f"there is no revision {namespace}/{pinned}")
        return Content(*self._kept[Key(namespace, pinned)])

    async def current(self, workflow: Key) -> Content:
        """The content that a Workflow has now. Raises NotFound."""
        spec = self._workflows.get(workflow).spec
        content = digest(REVISION_SCHEME, spec.to_wire())
        revision = Revision(name=revision_name(workflow.name, content), digest=content)
        self._kept[Key(workflow.namespace, revision.name)] = spec, revision
        return Content(spec, revision)


class MemoryGates:
    """ApprovalRequests, as the engine needs them."""

    def __init__(self, table: MemoryTable[ApprovalRequest], changes: MemoryChanges) -> None:
        self._table = table
        self._changes = changes

    async def observe(self, run: WorkflowRun) -> Mapping[str, GateFact]:
        """The run's ApprovalRequests by name."""
        mine = [found for found in self._table.all() if found.spec.request.run.uid == run.metadata.uid]
        return {request.metadata.name: gate_fact(request) for request in mine}

    async def ask(self, run: WorkflowRun, command: AskGate) -> None:
        """Create the ApprovalRequest unless it is there."""
        metadata = ObjectMeta(name=command.name, namespace=run.metadata.namespace)
        spec = ApprovalRequestSpec(request=gate_request(run, command, self._changes.new_id()))
        try:
            self._table.insert(ApprovalRequest(metadata=metadata, spec=spec))
        except AlreadyExists:
            pass  # asked before

    async def settle(self, run: WorkflowRun, command: SettleGate) -> None:
        """Write how it ended; harmless when it says so already or is gone."""
        request = self._table.find(Key(run.metadata.namespace, command.name))
        if request is not None and request.status.phase == "Pending":
            status = ApprovalRequestStatus(phase=command.outcome, reason=command.reason)
            self._table.replace(request.model_copy(update={"status": status}))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was told to people."""

    about: str
    """Name of the run or Workflow."""
    reason: str
    message: str
    warning: bool


class MemoryEvents:
    """Keeps what was told to people."""

    def __init__(self) -> None:
        self.told: list[Event] = []

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        """Keep it."""
        self.told.append(Event(about.metadata.name, reason, message, warning))


class CannedEvaluator:
    """CEL without CEL: answers that a test has written down, by expression; everything else is an error."""

    def __init__(self, answers: Mapping[str, Any] | None = None) -> None:
        self.answers = dict(answers or {})

    async def evaluate(self, expression: str, scope: Mapping[str, Any], *, template: bool = False) -> Value:  # noqa: ARG002  the port's signature
        """The answer to this expression."""
        if expression in self.answers:
            return Value(self.answers[expression])
        return Value(error=f"no answer to `{expression}` was written down")


class PlainChecker:
    """Checks in place, however long that takes."""

    async def context(self, inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What of a context does not fit the Workflow's inputs."""
        return check_context(inputs, context)

    async def output(self, schema: Mapping[str, Any], output: Any) -> tuple[Problem, ...]:
        """What of a run's output does not fit the Workflow's `outputs.schema`."""
        return check_output(schema, output)


class MemoryWorld:
    """Workflows, runs, gates, attempts, time. With `local` there is one person, who may decide on everything."""

    def __init__(self, *, local: bool = False) -> None:
        self.clock = FakeClock()
        self.changes = MemoryChanges()
        self.workflows: MemoryTable[Workflow] = MemoryTable("Workflow", self.changes, self.clock)
        self.runs: MemoryTable[WorkflowRun] = MemoryTable("WorkflowRun", self.changes, self.clock)
        self.approvals: MemoryTable[ApprovalRequest] = MemoryTable("ApprovalRequest", self.changes, self.clock)
        self.ledger = MemoryLedger(self.runs)
        self.revisions = MemoryRevisions(self.workflows)
        self.gates = MemoryGates(self.approvals, self.changes)
        self.runner = MemoryRunner(self.changes)
        self.outputs = MemoryOutputs()
        self.connections = MemoryConnections(MemoryTable("Connection", self.changes, self.clock))
        self.events = MemoryEvents()
        self.schedules = MemorySchedules(self.workflows, self.runs)
        self._local = local

    def access(self, user: str, *, client: str = "", groups: tuple[str, ...] = ()) -> Access:
        """All that one person can reach."""
        actor = Actor(user, client, groups)
        return Access(
            workflows=MemoryWorkflows(self.workflows, self.changes, actor),
            runs=MemoryRuns(self.runs, self.changes, actor),
            approvals=MemoryApprovals(self.approvals, actor, self.clock, local=self._local),
            logs=MemoryLogs(self.runner, self.runs, self.changes),
            outputs=self.outputs,
            connections=self.connections,
            caller=MemoryCaller(actor),
            local=self._local,
        )

    def engine(self, evaluator: Evaluator | None = None) -> Engine:
        """The ports that a reconcile loop works with."""
        from penstock.application.reconcile_run import Engine

        return Engine(
            ledger=self.ledger,
            revisions=self.revisions,
            gates=self.gates,
            runner=self.runner,
            outputs=self.outputs,
            connections=self.connections,
            checker=PlainChecker(),
            evaluator=evaluator or CannedEvaluator(),
            clock=self.clock,
            events=self.events,
        )
