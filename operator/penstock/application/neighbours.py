"""What a run's beginning depends on beside itself: the runs that were there before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.families import Families
from penstock.application.retries import Retries
from penstock.application.turnstile import Turnstile, Wake
from penstock.engine.failures import FailureCode
from penstock.engine.model import RunPhase
from penstock.ports.access import Key

LINGER = timedelta(seconds=60)
"""How long what still lives of a finished run keeps its turn at most: a pod on a lost node may never end."""
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class _Claim(NamedTuple):
    """A run with an idempotency key. The least one has the key: one that has begun, then the oldest."""

    pending: bool
    created: datetime
    uid: str
    name: str


class IdempotencyKeys:
    """Which run has an idempotency key: the first of its Workflow, for as long as it is kept."""

    def __init__(self) -> None:
        self._claims: dict[tuple[str, str, str], dict[str, _Claim]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._claims.clear()

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands."""
        place, meta = _place(run), run.metadata
        if place is None:
            return
        if run.status.error is not None and run.status.error.code == FailureCode.IDEMPOTENCY_KEY_USED:
            # It never had the key, and must not keep it when the one that had it is gone.
            self.gone(run)
            return
        pending = RunPhase(run.status.phase) is RunPhase.PENDING
        claim = _Claim(pending, meta.creation_timestamp or _EARLIEST, meta.uid, meta.name)
        self._claims.setdefault(place, {})[meta.uid] = claim

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted."""
        place = _place(run)
        if place is None:
            return
        claims = self._claims.get(place, {})
        claims.pop(run.metadata.uid, None)
        if not claims:
            self._claims.pop(place, None)

    def first(self, run: WorkflowRun) -> str | None:
        """Name of another run that has this run's key; None where the key is its own, or it has none."""
        place = _place(run)
        claims = self._claims.get(place, {}) if place else {}
        holder = min(claims.values(), default=None)
        return holder.name if holder is not None and holder.uid != run.metadata.uid else None


def _place(run: WorkflowRun) -> tuple[str, str, str] | None:
    if run.spec.idempotency_key is None:
        return None
    workflow = run.spec.workflow.name if run.spec.workflow else ""
    return run.metadata.namespace, workflow, run.spec.idempotency_key


class Neighbours:
    """Unfinished runs, runs with an idempotency key, children, retries: as far as one run depends on the others."""

    def __init__(self) -> None:
        self.turns = Turnstile()
        self.families = Families()
        self.keys = IdempotencyKeys()
        self.retries = Retries()

    def subscribe(self, wake: Wake) -> None:
        """Have `wake` called with each run that a change of another one concerns."""
        self.turns.subscribe(wake)
        self.families.subscribe(wake)

    def clear(self) -> None:
        """Forget everything: whoever begins to decide notices every run first."""
        self.turns.clear()
        self.keys.clear()
        self.families.clear()
        self.retries.clear()

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands. Every run, before anything is decided about any of them."""
        self.turns.notice(run)
        self.keys.notice(run)
        self.families.notice(run)
        self.retries.notice(run)

    def needed(self, key: Key, uid: str) -> bool:
        """Whether a finished run must stay: it has its turn still, it is retried, or a run of its steps lives."""
        return (
            self.turns.holds(uid)
            or self.retries.under_way(key)
            or any(
                not RunPhase(child.status.phase).finished
                or self.needed(Key(key.namespace, child.metadata.name), child.metadata.uid)
                for child in self.families.of(uid)
            )
        )

    def let_go(self, run: WorkflowRun, *, lives: bool, now: datetime) -> datetime | None:
        """Give the turn of a finished run to the next one, unless something of it `lives`; then when to ask again."""
        status = run.status
        if not RunPhase(status.phase).finished or not self.turns.holds(run.metadata.uid):
            return None
        last = (status.finished_at or now) + LINGER
        if lives and now < last:
            return last
        self.turns.leave(run.metadata.uid)
        return None

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted."""
        self.turns.leave(run.metadata.uid)
        self.keys.gone(run)
        self.families.gone(run)
        self.retries.gone(run)
