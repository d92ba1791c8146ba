"""What one caller can reach: the side of people and agents. Every call acts under that caller's rights."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.engine.model import OutputRef, RunPhase
from penstock.errors import Conflict, NotFound, NotPossible
from penstock.ports.logs import Logs


class Key(NamedTuple):
    """Where an object is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts."""

    user: str
    client: str = ""
    """The client that this user comes through; empty where none is known."""
    groups: tuple[str, ...] = ()


class Workflows(Protocol):
    """Reading and writing Workflows."""

    async def get(self, key: Key) -> Workflow:
        """One Workflow. Raises NotFound, Forbidden."""

    async def list(self, namespace: str | None) -> tuple[Workflow, ...]:
        """The Workflows of a namespace, by name; of all namespaces for None."""

    def watch(self, namespace: str | None) -> AsyncGenerator[tuple[Workflow, ...]]:
        """The Workflows as they are, then all of them after every change, without end, in no certain order."""

    async def apply(self, workflow: Workflow) -> Workflow:
        """Create the Workflow or replace its spec and labels."""


class ConnectionBook(Protocol):
    """Reading and writing Connections."""

    async def list(self, namespace: str | None) -> tuple[Connection, ...]:
        """The Connections of a namespace, by name; of all namespaces for None."""

    async def get(self, key: Key) -> Connection:
        """One Connection. Raises NotFound, Forbidden."""

    async def apply(self, connection: Connection) -> Connection:
        """Create the Connection or replace its spec and labels."""

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write down what was found, where nobody wrote since. Raises Conflict, NotFound; Forbidden on a cluster."""


class Runs(Protocol):
    """Asking for runs and looking at them."""

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        """Create a run (its status is ignored). Raises AlreadyExists, InvalidInput, Forbidden, NotFound."""

    async def get(self, key: Key) -> WorkflowRun:
        """One run. Raises NotFound, Forbidden."""

    async def list(self, namespace: str | None, *, limit: int = 100) -> tuple[WorkflowRun, ...]:
        """The newest runs, newest first; of all namespaces for None."""

    async def request_cancel(self, key: Key) -> WorkflowRun:
        """Ask for a run to be cancelled; harmless when it is asked for already."""

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        """Hold a run, or let it go on; harmless when it is so already."""

    async def delete(self, run: WorkflowRun) -> None:
        """Remove a finished run with all that belongs to it: gates, outputs, logs.

        Raises NotPossible where it is not finished, NotFound when it, this very one, is gone, Forbidden.
        """

    def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        """The run as it is, then after every change, without end. Raises NotFound when it is or goes away."""


def require_same(run: WorkflowRun, found: WorkflowRun | None) -> None:
    """Raise NotFound where the run is gone, another has its name by now included; Conflict where it has changed."""
    name = run.metadata.name
    if found is None or found.metadata.uid != run.metadata.uid:
        raise NotFound(f"run {name} is gone")
    if found.metadata.resource_version != run.metadata.resource_version:
        raise Conflict(f"run {name} has changed since it was read")


def require_finished(run: WorkflowRun) -> None:
    """What every `Runs.delete` begins with. Raises NotPossible."""
    if not RunPhase(run.status.phase).finished:
        raise NotPossible(
            f"run {run.metadata.namespace}/{run.metadata.name} is {run.status.phase}",
            hint="Cancel it first, and wait for its end.",
        )


class Approvals(Protocol):
    """Gates: looking at them and deciding."""

    async def get(self, key: Key) -> ApprovalRequest:
        """One ApprovalRequest. Raises NotFound, Forbidden."""

    async def list(self, namespace: str | None) -> tuple[ApprovalRequest, ...]:
        """The ApprovalRequests, oldest first; of all namespaces for None."""

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        """Append a decision. Raises Forbidden with the guard's own reason, NotFound, NotPossible."""


class OutputReader(Protocol):
    """Outputs that are kept beside their runs."""

    async def load(self, run: WorkflowRun, ref: OutputRef) -> Any:
        """The output. Raises OutputLost where it is gone or is not what `ref` says, Forbidden."""


class Caller(Protocol):
    """The identity behind an Access."""

    async def whoami(self) -> Actor:
        """Who the API takes us for."""


@dataclass(frozen=True, slots=True)
class Access:
    """Everything that one caller can reach."""

    workflows: Workflows
    runs: Runs
    approvals: Approvals
    logs: Logs
    outputs: OutputReader
    connections: ConnectionBook
    caller: Caller
    local: bool
    """Local mode: one person, one machine, no cluster."""
