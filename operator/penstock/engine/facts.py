"""What was observed before a decision. The engine believes these and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from penstock.engine.model import AttemptId, CachedFrom, Failure, Origin, RunState


class AttemptPhase(StrEnum):
    """What was seen of an attempt."""

    CREATED = "Created"
    """Its Job (or process record) is there; no sign of life yet."""
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    LOST = "Lost"
    """It existed and is gone without a result; nobody knows whether it ran."""


@dataclass(frozen=True, slots=True)
class ItemResult:
    """How one item ended in one attempt of its batch."""

    index: int
    output: Any = None
    failure: Failure | None = None
    """None exactly when it succeeded."""


@dataclass(frozen=True, slots=True)
class AttemptFact:
    """One attempt, as its runner sees it."""

    phase: AttemptPhase
    digest: str
    """attemptDigest that the runner was given."""
    uid: str | None = None
    output: Any = None
    failure: Failure | None = None
    """Set for Failed and Lost; of Created what keeps it from starting, in which it fails if that never ends."""
    message: str | None = None
    """The last progress message."""
    running_since: datetime | None = None
    """When its program started; only of programs without a harness, which keep no time themselves."""
    items: tuple[ItemResult, ...] = ()
    """Of an attempt of a batch: the items that came to a result so far. They count once the attempt has ended."""
    items_begun: int | None = None
    """Of an attempt of a batch that has ended: how many of its items had begun, one after the other, for certain.
    None where nobody knows."""

    held: bool = False
    """It lives and goes on only once people have decided: a child run at a gate."""

    @property
    def ended(self) -> bool:
        """There is a result, or there never will be one."""
        return self.phase in (AttemptPhase.SUCCEEDED, AttemptPhase.FAILED, AttemptPhase.LOST)


class Verdict(StrEnum):
    """One person's word on a gate."""

    APPROVE = "approve"
    REJECT = "reject"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Decision:
    """One vote, as admission let it through."""

    by: str
    verdict: Verdict
    digest: str
    client: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True)
class GateFact:
    """One ApprovalRequest, as it was read."""

    name: str
    digest: str
    decisions: tuple[Decision, ...] = ()
    open: bool = True
    """Nobody has written down yet how it ended."""


@dataclass(frozen=True, slots=True)
class Value:
    """What an expression came to."""

    value: Any = None
    error: str | None = None
    """Set when it could not be evaluated; a plain sentence."""
    digest: str | None = None
    """Of a list that a step is fanned out over: hashed once, not in each pass."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What came of keeping an output."""

    error: str | None = None
    """Set when it cannot be kept; a plain sentence."""


@dataclass(frozen=True, slots=True)
class CachedOutput:
    """What an equal step gave in another run."""

    source: CachedFrom
    output: Any = None


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a run stands among those of its Workflow that have the same concurrency key."""

    granted: bool
    """It may be under way from now on; the place is kept for it."""
    sure: bool = True
    """False while the key of an older run is not known yet: nobody can tell who is next."""
    ahead: int = 0
    """Runs that wait before it."""
    holders: tuple[str, ...] = ()
    """Names of the runs that are under way, oldest first."""
    older: tuple[str, ...] = ()
    """Names of those before it, under way or waiting, that nobody has asked to stop; oldest first. Only where the
    question was to name them."""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was observed for one run, gathered before the decision."""

    run: Origin
    cancel: bool = False
    """Somebody asked for the run to be cancelled."""
    suspend: bool = False
    """Somebody holds the run for now."""
    earlier: RunState | None = None
    """The finished run that this one retries."""
    attempts: Mapping[AttemptId, AttemptFact] = field(default_factory=lambda: MappingProxyType({}))
    """An attempt that is not here was never seen."""
    gates: Mapping[str, GateFact] = field(default_factory=lambda: MappingProxyType({}))
    """By ApprovalRequest name."""
    values: Mapping[tuple[str, str], Value] = field(default_factory=lambda: MappingProxyType({}))
    """By step name and field (`when`, `message`, ...): expressions that an earlier `Evaluate` asked for."""
    stored: Mapping[str, Stored] = field(default_factory=lambda: MappingProxyType({}))
    """By OutputRef name: outputs that an earlier `StoreOutput` asked to keep."""
    misfits: tuple[str, ...] | None = None
    """What of the run's output does not fit the Workflow's schema, as plain sentences; None while nobody looked."""
    loaded: Mapping[str, Value] = field(default_factory=lambda: MappingProxyType({}))
    """By OutputRef name: what an earlier `LoadOutput` asked for."""
    lost: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """By OutputRef name: outputs that are kept no longer as they were, with a plain sentence about it."""
    no_cache: bool = False
    """Whoever asked for the run wants every step of it to run."""
    cached: Mapping[str, CachedOutput | None] = field(default_factory=lambda: MappingProxyType({}))
    """By cacheDigest: what a `FindCached` was answered, None where there is no such output."""
    self_approval: bool = False
    """The requester may decide on his own gate (local mode: one person, one machine)."""
    turn: Turn | None = None
    """What an `AskTurn` was answered; None while nobody has asked."""
    twin: str | None = None
    """Name of the run that was there first with the same idempotency key."""
