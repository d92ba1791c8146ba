"""What the reconcile loop needs: the side of the operator and of the local driver."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision, Workflow, WorkflowSpec
from penstock.engine.commands import AskGate, SettleGate, StartAttempt, StopAttempt, StoreOutput
from penstock.engine.facts import AttemptFact, GateFact, Value
from penstock.engine.model import AttemptId
from penstock.errors import Problem
from penstock.ports.access import Key, OutputReader


class Ledger(Protocol):
    """The runs themselves; their status is the write-ahead log."""

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says, `requestedBy` too; False where one of its name is there already.

        Raises InvalidInput, Forbidden where the run is refused.
        """

    async def load(self, key: Key) -> WorkflowRun | None:
        """The newest copy known, from memory where possible; None when there is no such run."""

    async def save_status(self, run: WorkflowRun, status: WorkflowRunStatus) -> WorkflowRun:
        """Write the status if nobody wrote since `run` was read. Raises Conflict otherwise, NotFound when gone."""

    async def confirm(self, run: WorkflowRun) -> None:
        """Ask the store itself whether the run is as it was read. Raises Conflict if it changed, NotFound when gone."""

    async def with_cached(self, run: WorkflowRun, step: str, digest: str) -> Sequence[WorkflowRun]:
        """Other runs of the run's Workflow in which this step succeeded on what a cacheDigest stands for.

        Some of the newest outputs are enough, the newest first. From memory where possible.
        """

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled; the run, None where it is finished, asked to stop already, or gone."""


class Authority(Protocol):
    """Who may do what, asked for somebody who is not there."""

    async def refusal(self, who: RequestedBy, namespace: str, wanted: Key | WorkflowSpec) -> str:
        """Why this person may not run a Workflow, or a definition inline with all that it uses; empty where they may.

        Raises Unavailable.
        """


@dataclass(frozen=True, slots=True)
class Content:
    """What a run executes."""

    spec: WorkflowSpec
    revision: Revision | None
    """None for an inline run, whose own spec never changes."""


class Revisions(Protocol):
    """Immutable contents of Workflows."""

    async def content(self, run: WorkflowRun) -> Content:
        """The content that the run is pinned to; pins it to the current one first where it is not.

        Raises NotFound when the Workflow or the revision does not exist.
        """

    async def current(self, workflow: Key) -> Content:
        """The content that a Workflow has now, made sure to last. Raises NotFound."""


class Gates(Protocol):
    """ApprovalRequests, as the engine needs them."""

    async def observe(self, run: WorkflowRun) -> Mapping[str, GateFact]:
        """The run's ApprovalRequests by name, from memory where possible."""

    async def ask(self, run: WorkflowRun, command: AskGate) -> None:
        """Create the ApprovalRequest unless it is there."""

    async def settle(self, run: WorkflowRun, command: SettleGate) -> None:
        """Write how the ApprovalRequest ended into its status; harmless when it says so already or is gone."""


class StepRunner(Protocol):
    """Attempts: where programs run."""

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """What is known of the run's attempts, from memory where possible."""

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make sure that the attempt exists; the second call for one name creates nothing."""

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """Make sure that the attempt has no process; graceful first. Harmless when it has none."""


class Outputs(OutputReader, Protocol):
    """Outputs that the run object has no room for: kept beside it, for as long as the run lives."""

    async def store(self, run: WorkflowRun, command: StoreOutput) -> None:
        """Make sure that the output is kept; the second call for one name writes nothing.

        Raises UserError where it cannot be kept: something else has its name, or a quota is used up.
        """


class Connections(Protocol):
    """Outside systems that steps may call."""

    async def find(self, key: Key) -> Connection | None:
        """The Connection as it is now; None where there is none. Raises Unavailable."""


class Evaluator(Protocol):
    """CEL."""

    async def evaluate(self, expression: str, scope: Mapping[str, Any], *, template: bool = False) -> Value:
        """Work out an expression, or with `template` a text with `{{ CEL }}` in it. Errors come back in the Value.

        Raises Unavailable where too many that take long are being worked out: each would hold up a pass.
        """


class Checker(Protocol):
    """Values against JSON Schemas of Workflows. However large they are, a check ends soon."""

    async def context(self, inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What of a context does not fit the Workflow's `inputs`, None where it has none."""

    async def output(self, schema: Mapping[str, Any], output: Any) -> tuple[Problem, ...]:
        """What of a run's output does not fit the Workflow's `outputs.schema`."""


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> datetime:
        """Now, in UTC."""


class EventSink(Protocol):
    """What happened, told to people: Kubernetes Events or a log."""

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        """Say that something has happened; never raises, never waits."""
