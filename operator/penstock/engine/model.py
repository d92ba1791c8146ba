"""What the engine thinks in: plans, states, attempts, outputs. Frozen values, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from penstock.engine.fan_out import FanOut, ItemsState

from penstock.engine.graph import all_ancestors


class RunPhase(StrEnum):
    """Where a run stands."""

    PENDING = "Pending"
    """Nothing of it has started: it is new, or waits for its turn."""
    RUNNING = "Running"
    """Steps run, wait for a time, or are about to start."""
    WAITING = "Waiting"
    """Somebody has to act: a gate is open, or the run is suspended."""
    SUCCEEDED = "Succeeded"
    """Every step succeeded, was skipped, or failed where that is let pass."""
    FAILED = "Failed"
    """A step failed, or the run could not start."""
    CANCELLED = "Cancelled"
    """Somebody asked for its end."""
    TIMED_OUT = "TimedOut"
    """It took longer than its timeout."""

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the run."""
        return self in FINISHED_RUN


FINISHED_RUN = frozenset({RunPhase.SUCCEEDED, RunPhase.FAILED, RunPhase.CANCELLED, RunPhase.TIMED_OUT})


class StepPhase(StrEnum):
    """Where a step stands."""

    PENDING = "Pending"
    """Its needs are not settled yet, or it has not been looked at."""
    WAITING = "Waiting"
    """A gate is asked and not answered."""
    STARTING = "Starting"
    """Written down before its Job exists: the write-ahead record of an attempt."""
    RUNNING = "Running"
    """Its attempt was seen alive."""
    BACKOFF = "Backoff"
    """An attempt failed; the next one starts at `retryAt`."""
    SUCCEEDED = "Succeeded"
    """It has its output."""
    FAILED = "Failed"
    """Its last attempt failed, or its gate said no."""
    SKIPPED = "Skipped"
    """Its `when` was false, or a step that it needs failed."""
    CANCELLED = "Cancelled"
    """The run ended before it did."""

    @property
    def finished(self) -> bool:
        """Nothing more will happen to the step."""
        return self in FINISHED_STEP

    @property
    def alive(self) -> bool:
        """An attempt of the step may have a process."""
        return self in ALIVE_STEP


FINISHED_STEP = frozenset({StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.SKIPPED, StepPhase.CANCELLED})
ALIVE_STEP = frozenset({StepPhase.STARTING, StepPhase.RUNNING})


class AttemptId(NamedTuple):
    """Which attempt of which step, within one run; of a fanned-out step also of which batch of items."""

    step: str
    attempt: int
    """1 for the first; counted for each batch by itself."""
    batch: int | None = None
    """None where the step is not fanned out."""


class StepKind(StrEnum):
    """What a step does."""

    SCRIPT = "script"
    CONTAINER = "container"
    WORKFLOW = "workflow"
    """Runs another run, its child."""
    APPROVAL = "approval"
    WAIT = "wait"

    @property
    def has_program(self) -> bool:
        """The step has attempts: it runs a program in a pod or a process, or a run of its own."""
        return self not in (StepKind.APPROVAL, StepKind.WAIT)


class OnFailure(StrEnum):
    """What a step's failure means for the run."""

    FAIL = "fail"
    CONTINUE = "continue"


class OnExpiry(StrEnum):
    """What happens when nobody decided in time."""

    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or a run did not succeed."""

    code: str
    """Stable, upper case: `SCRIPT_FAILED`, `TIMED_OUT`, `LOST`, or what the script said."""
    reason: str
    """A plain sentence."""
    step: str | None = None
    """The step where it happened."""


@dataclass(frozen=True, slots=True)
class OutputRef:
    """An output that is kept beside the run object, which has no room for it. What it holds never changes."""

    name: str
    """Deterministic: follows from the run and the content."""
    digest: str
    """outputDigest."""
    size: int
    """Bytes of its canonical JSON."""


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how soon a failed attempt is tried again."""

    limit: int = 0
    """Further attempts after the first."""
    initial: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    maximum: timedelta = timedelta(minutes=5)

    def delay(self, attempt: int) -> timedelta:
        """How long to wait after attempt number `attempt` (1-based) failed."""
        # 2**60 seconds is past any maximum; the bound keeps a huge attempt number from overflowing a float.
        growth = self.factor ** min(attempt - 1, 60)
        return min(self.maximum, timedelta(seconds=min(self.initial.total_seconds() * growth, 1e9)))


@dataclass(frozen=True, slots=True)
class Gate:
    """Who may open a gate, and how."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    quorum: int = 1
    message: str = ""
    """Text with `{{ CEL }}` in it; evaluated once, when the gate is asked."""
    expires_after: timedelta = timedelta(hours=24)
    on_expiry: OnExpiry = OnExpiry.REJECT
    each_attempt: bool = False
    """Every attempt needs a decision of its own."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a `wait` step waits: exactly one of the two."""

    duration: timedelta | None = None
    until: str | None = None
    """CEL that gives a moment as RFC 3339 text."""


@dataclass(frozen=True, slots=True)
class Cache:
    """For how long a step may take the output that it gave in another run."""

    ttl: timedelta
    """From the moment that its program ended."""
    key: str | None = None
    """CEL; outputs of unequal keys are not taken for each other."""


@dataclass(frozen=True, slots=True)
class CachedFrom:
    """Where a step's output was made that this run took over."""

    run: str
    """Name of the run whose program gave it."""
    finished_at: datetime
    """When that program ended. Its age counts from here, however often it was taken since."""


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step, ready to be decided on."""

    name: str
    kind: StepKind
    needs: tuple[str, ...] = ()
    when: str | None = None
    """CEL; a false value skips the step."""
    gate: Gate | None = None
    """The gate itself (kind `approval`), or the one in front of the step (`requiresApproval`)."""
    wait: Wait | None = None
    """Of a `wait` step."""
    retry: Retry = Retry()
    timeout: timedelta | None = None
    """Of one attempt."""
    on_failure: OnFailure = OnFailure.FAIL
    final: bool = False
    """Belongs to `finally`."""
    program: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """All that the runner needs, as JSON; the engine only hashes it."""
    templates: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    """Fields of the program that depend on the run: JSON whose texts hold `{{ CEL }}`. Filled in before each start."""
    fan_out: FanOut | None = None
    """Runs once for each item of a list."""
    cache: Cache | None = None
    """Takes the output of an equal step of another run where there is one."""


class OnLimit(StrEnum):
    """What becomes of a run that finds its key at the limit."""

    QUEUE = "queue"
    """It waits for its turn."""
    REJECT = "reject"
    """It fails before anything of it starts."""
    REPLACE = "replace"
    """Older runs of its key are cancelled; it starts when they have ended."""


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many runs of a Workflow may be under way at once."""

    key: str | None = None
    """CEL over the context; runs of equal keys share a limit. None is one key for all of them."""
    limit: int = 1
    on_limit: OnLimit = OnLimit.QUEUE


@dataclass(frozen=True)
class Plan:
    """One revision of a Workflow, checked and ready to run. What follows from it is worked out once."""

    digest: str
    """revisionDigest."""
    steps: Mapping[str, StepPlan]
    """In the order in which they are listed, those of `finally` last."""
    timeout: timedelta | None = None
    output_from: str | None = None
    """CEL for the run's output; None takes the output of the last listed step."""
    concurrency: Concurrency | None = None
    """None lets any number of runs be under way at once."""
    output_schema: Mapping[str, Any] | None = None
    """JSON Schema that the run's output has to fit."""

    @cached_property
    def main(self) -> tuple[StepPlan, ...]:
        """The steps outside `finally`."""
        return tuple(step for step in self.steps.values() if not step.final)

    @cached_property
    def final(self) -> tuple[StepPlan, ...]:
        """The steps of `finally`."""
        return tuple(step for step in self.steps.values() if step.final)

    @cached_property
    def before(self) -> Mapping[str, tuple[str, ...]]:
        """For every step the names of those whose outcome is fixed when it starts, in the order of the plan."""
        needed = all_ancestors({name: step.needs for name, step in self.steps.items()})
        main = frozenset(step.name for step in self.main)
        fixed = {name: needed[name] | main if step.final else needed[name] for name, step in self.steps.items()}
        return {name: tuple(other for other in self.steps if other in before) for name, before in fixed.items()}


@dataclass(frozen=True, slots=True)
class GateState:
    """One gate of one step, as the run remembers it."""

    name: str
    """Of the ApprovalRequest."""
    round: int
    """1 for the first request; a superseded one is followed by the next."""
    digest: str
    """approvalDigest: what people are asked to allow."""
    expires_at: datetime
    outcome: str | None = None
    """Approved, Rejected, Expired, Bypassed; None while it waits."""
    decided_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of one run."""

    phase: StepPhase = StepPhase.PENDING
    attempt: int = 0
    """Number of the newest attempt; 0 before the first."""
    digest: str | None = None
    """attemptDigest of the newest attempt."""
    uid: str | None = None
    """What the runner calls the newest attempt: a Job's UID, a process's token. Joins the next write."""
    started_at: datetime | None = None
    """Of the newest attempt."""
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    until: datetime | None = None
    """When a `wait` step goes on."""
    carried: bool = False
    """Taken over from the run that this one retries; nothing of it ran here."""
    cache_digest: str | None = None
    """cacheDigest: what an equal step of another run is known by. None for a step without `cache`."""
    cached: CachedFrom | None = None
    """Set where the output is that of another run; nothing of the step ran here."""
    output: Any = None
    """None is no output. Always the value itself, wherever it is kept."""
    stored: OutputRef | None = None
    """Where the output is kept; None for one that stands in the run object."""
    failure: Failure | None = None
    gate: GateState | None = None
    message: str | None = None
    """The last progress or waiting message."""
    items: ItemsState | None = None
    """Of a fanned-out step, once its list is known. Its attempts are those of its batches."""


@dataclass(frozen=True, slots=True)
class RunState:
    """One run: what its status says."""

    phase: RunPhase = RunPhase.PENDING
    steps: MappingProxyType[str, StepState] = field(default_factory=lambda: MappingProxyType({}))
    started_at: datetime | None = None
    finished_at: datetime | None = None
    output: Any = None
    stored: OutputRef | None = None
    """Where the output is kept; None for one that stands in the run object."""
    failure: Failure | None = None
    suspended: bool = False
    """Somebody holds the run: what runs goes on, nothing more starts."""
    stopping: RunPhase | None = None
    """Set when the run will end in this phase (Failed, Cancelled, TimedOut) and only `finally` may still start."""
    concurrency_key: str | None = None
    """What its Workflow's concurrency key came to; kept for as long as the run lives."""
    queued: str | None = None
    """Why a pending run has not begun, as a sentence; None once it has."""

    def step(self, name: str) -> StepState:
        """The state of a step, pending where nothing was recorded."""
        return self.steps.get(name, UNTOUCHED)


UNTOUCHED = StepState()


@dataclass(frozen=True, slots=True)
class Origin:
    """The run that is decided on: all that never changes."""

    namespace: str
    name: str
    uid: str
    user: str
    client: str
    context: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    groups: tuple[str, ...] = ()
    workflow: str = ""
    """Name of the Workflow; empty for an inline run."""
    idempotency_key: str | None = None
