"""Finished runs are removed when their time has come, with all that belongs to them; what is needed never.

One run at a time, with a rest after each: what a removal makes a cluster do must never be felt by the runs under way.
Runs of steps are left alone here: they go with the run above them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.finished_runs import FinishedRun, FinishedRuns
from penstock.application.retention import Policy, policy_of
from penstock.engine.model import RunPhase
from penstock.errors import InvalidInput, NotFound, NotPossible
from penstock.ports.access import Key
from penstock.ports.engine import Clock, Ledger, Revisions
from penstock.ports.schedules import WorkflowLedger

REST_SECONDS = 0.1
"""After each removal: a cluster's garbage collector removes half a dozen objects more."""
LATER = timedelta(minutes=1)
"""When a run is looked at again that is due and could not be removed."""

log = logging.getLogger(__name__)


class Shelf(NamedTuple):
    """What has one policy: the finished runs of a Workflow, or those without one that say the same."""

    namespace: str
    workflow: str
    """Empty for runs with a definition of their own."""
    retention: Retention | None = None
    """What these say themselves."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a janitor works with."""

    runs: Ledger
    workflows: WorkflowLedger
    revisions: Revisions
    delete: Callable[[WorkflowRun], Awaitable[None]]
    """Removes a finished run with all that belongs to it. Raises NotFound, NotPossible while something needs it."""
    needed: Callable[[Key, str], bool]
    """Whether another run still needs the run of this name and UID."""
    clock: Clock


async def _rest() -> None:
    await asyncio.sleep(REST_SECONDS)


class Janitor:
    """Tell it of every run and of Workflows that have changed, and call `look` with what it wakes."""

    def __init__(self, holdings: Holdings, otherwise: Policy, rest: Callable[[], Awaitable[None]] = _rest) -> None:
        """`otherwise` is what goes for Workflows and runs that say nothing."""
        self._holdings = holdings
        self._otherwise = otherwise
        self._rest = rest
        self._wake: Callable[[Shelf], None] = lambda _: None
        self._shelves: dict[Shelf, FinishedRuns] = {}
        self._known: dict[str, tuple[Shelf, FinishedRun]] = {}
        self._later: dict[str, datetime] = {}

    def subscribe(self, wake: Callable[[Shelf], None]) -> None:
        """Have `wake` called with what to look at."""
        self._wake = wake

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands."""
        meta, status = run.metadata, run.status
        phase = RunPhase(status.phase)
        if not phase.finished or status.finished_at is None or run.spec.parent is not None or meta.uid in self._known:
            return
        succeeded = phase is RunPhase.SUCCEEDED
        finished = FinishedRun(status.finished_at, meta.uid, Key(meta.namespace, meta.name), succeeded)
        shelf = _shelf(run)
        self._known[meta.uid] = shelf, finished
        self._shelves.setdefault(shelf, FinishedRuns()).add(finished)
        self._wake(shelf)

    def gone(self, uid: str) -> None:
        """The run with this UID was removed, by whomever."""
        self._later.pop(uid, None)
        if uid in self._known:
            shelf, finished = self._known.pop(uid)
            self._shelves[shelf].remove(finished)
            if not self._shelves[shelf]:
                del self._shelves[shelf]

    def workflow_changed(self, key: Key) -> None:
        """The Workflow may say something else now, or is gone."""
        if Shelf(*key) in self._shelves:
            self._wake(Shelf(*key))

    async def look(self, shelf: Shelf) -> datetime | None:
        """Remove one run that is due; when to look again, None for not before it is woken.

        Raises whatever keeps that run from being removed: the next look goes on with the others.
        """
        policy = await self._policy(shelf)
        now = self._holdings.clock.now()
        found = self._next(shelf, policy, now)
        if not isinstance(found, FinishedRun):
            return found
        self._later[found.uid] = now + LATER
        await self._remove(found)
        await self._rest()
        return self._holdings.clock.now()

    def _next(self, shelf: Shelf, policy: Policy, now: datetime) -> FinishedRun | datetime | None:
        """The run to remove now; else when the next one may be."""
        again: datetime | None = None
        runs = self._shelves.get(shelf)
        for due, run in runs.due(policy) if runs else ():
            when = max(due, self._later.get(run.uid, due))
            if when <= now and self._holdings.needed(run.key, run.uid):
                when = now + LATER
            if when <= now:
                return run
            again = min(when, again or when)
            if due > now:
                break
        return again

    async def _remove(self, finished: FinishedRun) -> None:
        run = await self._holdings.runs.load(finished.key)
        if run is not None and run.metadata.uid == finished.uid:
            try:
                await self._holdings.delete(run)
                log.info("run %s is removed: it ended at %s", finished.key, finished.finished)
            except NotFound:
                pass  # somebody else was faster
            except NotPossible as error:
                log.debug("run %s stays for now: %s", finished.key, error)
                return
        self.gone(finished.uid)

    async def _policy(self, shelf: Shelf) -> Policy:
        if not shelf.workflow:
            return replace(policy_of(shelf.retention, self._otherwise), keep=None)
        workflow = await self._holdings.workflows.load(Key(shelf.namespace, shelf.workflow))
        if workflow is not None:
            return policy_of(workflow.spec.retention, self._otherwise)
        return await self._last_word(shelf)

    async def _last_word(self, shelf: Shelf) -> Policy:
        """What a Workflow that is gone, or that nobody can read, said when it ran the last time."""
        while runs := self._shelves.get(shelf):
            newest = runs.newest()
            run = await self._holdings.runs.load(newest.key)
            if run is None or run.metadata.uid != newest.uid:
                self.gone(newest.uid)
                continue
            try:
                return policy_of((await self._holdings.revisions.content(run)).spec.retention, self._otherwise)
            except NotFound:
                return self._otherwise
            except InvalidInput:
                break  # nobody can tell, so nothing goes
        return Policy()


def _shelf(run: WorkflowRun) -> Shelf:
    namespace, workflow, inline = run.metadata.namespace, run.spec.workflow, run.spec.inline
    return Shelf(namespace, workflow.name) if workflow else Shelf(namespace, "", inline.retention if inline else None)
