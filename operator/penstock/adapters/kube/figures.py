"""Figures of the operator for Prometheus. What is counted as it happens; how things stand is looked up when asked.

Every label has a short list of values that is known beforehand: no name of a run, a Workflow or a namespace is one, for
each would be a series that nobody ever forgets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric as Family

from penstock import __version__
from penstock.adapters.kube import figures_list as said
from penstock.adapters.kube.informers import WatchNews
from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun
from penstock.engine.model import FINISHED_RUN, StepPhase
from penstock.errors import Conflict, PenstockError, TransientError
from penstock.ports.engine import Clock

_ENDED = frozenset({StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.SKIPPED, StepPhase.CANCELLED})
_PENDING = "Pending"


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand at the moment of a scrape."""

    active: bool
    """This replica drives the runs."""
    runs: Mapping[str, int] = field(default_factory=Counter)
    """Kept, by phase."""
    waiting: tuple[datetime, ...] = ()
    """When the gates that are open were asked."""
    queues: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By name: keys that wait or are worked on, keys that wait for a time."""
    log_streams: int = 0
    held: int = 0
    """Runs that wait with beginning until others have started."""
    silences: Mapping[str, float] = field(default_factory=dict)
    """By what is watched: seconds since the API server was heard of."""


class PassFigures:
    """Of one work queue."""

    def __init__(self, figures: OperatorFigures, queue: str) -> None:
        self._waited = figures.queue_wait.labels(queue).observe
        self._took = figures.passes.labels(queue).observe
        self._failed = {kind: figures.pass_errors.labels(queue, kind).inc for kind in said.PASS_ERRORS}

    def began(self, waited: float) -> None:
        """A key that waited for so many seconds is worked on."""
        self._waited(waited)

    def ended(self, took: float, error: Exception | None) -> None:
        """A pass has ended after so many seconds."""
        self._took(took)
        if error is not None:
            transient = "conflict" if isinstance(error, Conflict) else "transient"
            self._failed[transient if isinstance(error, TransientError) else "error"]()


class OperatorFigures:
    """One process's figures. `look` is given later by whoever knows how things stand."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._look: Callable[[], Standing] = lambda: Standing(active=False)
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        said.BUILD.gauge(self.registry).labels(__version__).set(1)
        self.queue_wait = said.QUEUE_WAIT.histogram(self.registry)
        self.passes = said.PASSES.histogram(self.registry)
        self.pass_errors = said.PASS_ERRORS_TOTAL.counter(self.registry)
        self._run_ends = said.RUN_ENDS.counter(self.registry)
        self._run_waits = said.RUN_WAITS.histogram(self.registry)
        self._run_times = said.RUN_TIMES.histogram(self.registry)
        self._step_ends = said.STEP_ENDS.counter(self.registry)
        parts = said.STEP_PARTS.histogram(self.registry)
        self._parts = {part: parts.labels(part).observe for part in said.PARTS}
        self._approvals = said.APPROVAL_TIMES.histogram(self.registry)
        self._writes = said.WRITES.counter(self.registry)
        self._write_times = said.WRITE_TIMES.histogram(self.registry)
        self._notifications = said.NOTIFICATIONS.counter(self.registry)
        restarts = said.WATCH_RESTARTS.counter(self.registry)
        self._restarts = {what: restarts.labels(what).inc for what in said.RESTARTED}
        events = said.WATCH_EVENTS.counter(self.registry)
        self._events = {what: events.labels(what).inc for what in said.WATCHED}
        self.registry.register(self)

    def look_with(self, look: Callable[[], Standing]) -> None:
        """Have `look` called at each scrape."""
        self._look = look

    def page(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def queue(self, name: str) -> PassFigures:
        """Those of one work queue."""
        return PassFigures(self, name)

    def part(self, name: str, seconds: float) -> None:
        """A part of a step took so many seconds."""
        self._parts[name](max(0.0, seconds))

    def timed(self, pod_start: float, program: float) -> None:
        """How long an attempt took until its program began, and its program."""
        self.part("pod_start", pod_start)
        self.part("program", program)

    def watch(self, plural: str) -> WatchNews:
        """Who is told how a watch goes."""
        return WatchNews(heard=self._events[plural], broke=self._restarts[plural])

    def run_written(self, before: WorkflowRun, after: WorkflowRun) -> int:
        """The status of a run was written; how many results of attempts were among it."""
        old, new = before.status, after.status
        if new.started_at is not None and old.started_at is None and after.metadata.creation_timestamp is not None:
            self._run_waits.observe(max(0.0, (new.started_at - after.metadata.creation_timestamp).total_seconds()))
        if new.phase in FINISHED_RUN and old.phase not in FINISHED_RUN:
            self._run_ends.labels(new.phase).inc()
            if new.started_at is not None and new.finished_at is not None:
                self._run_times.observe((new.finished_at - new.started_at).total_seconds())
        return sum(self._step_written(old.steps.get(name), step) for name, step in new.steps.items())

    def _step_written(self, old: StepStatus | None, new: StepStatus) -> bool:
        if old is not None and old.phase == new.phase:
            return False
        if new.phase in _ENDED:
            self._step_ends.labels(new.phase).inc()
        return new.uid is not None and new.phase in (StepPhase.SUCCEEDED, StepPhase.FAILED, StepPhase.BACKOFF)

    def gate_settled(self, request: ApprovalRequest) -> None:
        """How a gate ended was written."""
        asked = request.metadata.creation_timestamp
        if asked is not None and request.status.phase in said.OUTCOMES:
            age = (self._clock.now() - asked).total_seconds()
            self._approvals.labels(request.status.phase).observe(max(0.0, age))

    def notified(self, channel: str, outcome: str) -> None:
        """Somebody was told of a gate, or was to be."""
        self._notifications.labels(channel, outcome).inc()

    def wrote(self, method: str, path: str, seconds: float, error: BaseException | None) -> None:
        """A mutating request was answered, or failed."""
        verb = said.VERBS.get(method, "")
        outcome = "ok" if error is None else _outcome(error)
        self._writes.labels(verb, resource_of(path), outcome).inc()
        self._write_times.labels(verb).observe(seconds)

    def heard(self, what: str) -> None:
        """A watch told of something."""
        self._events[what]()

    def kopf_ended(self) -> None:
        """The thread that watches our own kinds starts anew."""
        self._restarts["kopf"]()

    def collect(self) -> Iterable[Family]:
        """How things stand; for the registry."""
        now, there = self._clock.now(), self._look()
        yield said.ACTIVE.standing({(): float(there.active)})
        # Standbys see the same runs and gates: with them a sum over the replicas would count everything twice.
        waiting = there.waiting if there.active else ()
        yield said.RUNS.standing({(phase,): there.runs.get(phase, 0) for phase in said.RUN_PHASES if there.active})
        yield said.APPROVALS_WAITING.standing({(): len(waiting)} if there.active else {})
        oldest = max(((now - asked).total_seconds() for asked in waiting), default=0.0)
        yield said.APPROVALS_OLDEST.standing({(): oldest} if there.active else {})
        yield said.QUEUE_DEPTH.standing({(name,): depth for name, (depth, _) in there.queues.items()})
        yield said.QUEUE_TIMERS.standing({(name,): timers for name, (_, timers) in there.queues.items()})
        yield said.RUNS_HELD.standing({(): there.held})
        yield said.LOG_STREAMS.standing({(): there.log_streams})
        yield said.WATCH_SILENCE.standing({(what,): seconds for what, seconds in there.silences.items()})

    def describe(self) -> Iterable[Family]:
        """For the registry: nothing is looked up before the first scrape."""
        return ()


def waiting_since(requests: Iterable[ApprovalRequest]) -> tuple[datetime, ...]:
    """When the gates that nobody has answered were asked."""
    return tuple(
        asked
        for request in requests
        if request.status.phase == _PENDING and (asked := request.metadata.creation_timestamp) is not None
    )


def resource_of(path: str) -> str:
    """The kind that a URL path is about, with the subresource, as RBAC names them: `jobs/status`."""
    parts = path.split("/")
    rest = parts[3 if parts[1] == "api" else 4 :]
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    found = f"{rest[0]}/{rest[2]}" if len(rest) > 2 else rest[0]
    return found if found in said.WRITTEN else "other"


def _outcome(error: BaseException) -> str:
    code = error.code.lower() if isinstance(error, PenstockError) else "error"
    return code if code in said.WRITE_OUTCOMES else "error"
