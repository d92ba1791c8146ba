"""What the engine asks the shell to do. Every command may be repeated without harm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.engine.model import AttemptId, Gate, OutputRef


@dataclass(frozen=True, slots=True)
class Evaluate:
    """Work out an expression and decide again with its value among the facts."""

    step: str
    """The step whose field it is; empty for a field of the Workflow itself."""
    field: str
    expression: str
    scope: Mapping[str, Any]
    """The names that the expression may use, with their values."""
    template: bool = False
    """The expression is text with `{{ CEL }}` in it."""


@dataclass(frozen=True, slots=True)
class Fill:
    """Fill the templates in a piece of JSON and decide again with the result among the facts' values.

    A text that is nothing but one `{{ CEL }}` becomes the value itself, whatever its type.
    """

    step: str
    field: str
    data: Any
    scope: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FindRevision:
    """Find out which content a Workflow has now, and decide again with its revision among the facts' values."""

    step: str
    field: str
    workflow: str


@dataclass(frozen=True, slots=True)
class FindConnection:
    """Find out what a Connection says now, and decide again with that among the facts' values."""

    step: str
    field: str
    connection: str


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """Hold the run's output against the Workflow's schema, and decide again."""

    schema: Mapping[str, Any]
    output: Any


@dataclass(frozen=True, slots=True)
class StoreOutput:
    """Keep an output beside the run object, and decide again: only what is kept may be referred to."""

    ref: OutputRef
    value: Any
    text: bytes
    """The value's canonical JSON: what is kept."""


@dataclass(frozen=True, slots=True)
class LoadOutput:
    """Read what is kept beside the run object, and decide again with it among the facts."""

    ref: OutputRef


@dataclass(frozen=True, slots=True)
class FindCached:
    """Look for the output that an equal step gave in another run of the Workflow, and decide again with the answer."""

    step: str
    digest: str
    """cacheDigest."""
    since: datetime
    """Outputs that were made before this moment are too old."""


@dataclass(frozen=True, slots=True)
class AskTurn:
    """Find out whether the run may be under way, take its place if so, and decide again with the answer."""

    key: str
    """What the Workflow's concurrency key came to."""
    limit: int
    """How many runs of this key may be under way at once."""
    name_older: bool = False
    """The answer is to name the runs before this one."""


@dataclass(frozen=True, slots=True)
class CancelRun:
    """Make sure that another run of the Workflow is asked to stop."""

    name: str
    reason: str
    """A plain sentence, for the people who follow that run."""


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Make sure that this attempt exists: create it, or find that it was created already."""

    id: AttemptId
    name: str
    """Deterministic: the fence that keeps it from being created twice."""
    digest: str
    """attemptDigest."""
    program: Mapping[str, Any]
    document: Mapping[str, Any]
    """The input document less what the runner adds (nonce, program): context, upstream outputs, run, step."""


@dataclass(frozen=True, slots=True)
class StopAttempt:
    """Make sure that this attempt has no process any more."""

    id: AttemptId
    name: str


@dataclass(frozen=True, slots=True)
class AskGate:
    """Make sure that this ApprovalRequest exists."""

    step: str
    attempt: int
    name: str
    digest: str
    """approvalDigest."""
    gate: Gate
    message: str
    expires_at: datetime
    subject: Mapping[str, Any]
    """What exactly will run: the approver's view, and what the digest is over."""


@dataclass(frozen=True, slots=True)
class SettleGate:
    """Write down how an ApprovalRequest ended."""

    name: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class WakeAt:
    """Decide again at this time even if nothing happens."""

    when: datetime


Question = (
    Evaluate | Fill | FindRevision | FindConnection | CheckOutput | StoreOutput | LoadOutput | FindCached | AskTurn
)
"""Answered before anything is written: the answer is among the facts of the next decision."""

Command = Question | CancelRun | StartAttempt | StopAttempt | AskGate | SettleGate | WakeAt
