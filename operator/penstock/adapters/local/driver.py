"""What the operator's frame does in a cluster, on one machine: sees what changed, has it reconciled, sleeps.

At most one driver works on a data directory. It may be killed at any moment: the next one reads where every run stands
and finds the attempts that still live.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from penstock.adapters.local.changes import Changes
from penstock.adapters.local.clean_up import CleanUp
from penstock.adapters.local.database import Database
from penstock.adapters.local.driver_lock import DriverLock
from penstock.adapters.local.objects import ObjectTable
from penstock.adapters.local.process_runner import ProcessRunner
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.neighbours import Neighbours
from penstock.application.work_queue import WorkQueue
from penstock.errors import InvalidInput, TransientError
from penstock.ports.access import Key
from penstock.ports.engine import Clock

STAND_BY_SECONDS = 0.2
"""How often a driver that stands by tries to take over."""
IDLE_LOOK_SECONDS = 0.2
"""How often a driver looks whether anything is left to do."""
TAKE_OVER_TRIES = 10
"""A driver that finds the lock taken tries so often: those who only ask whether there is one hold it for an instant."""

log = logging.getLogger(__name__)

Reconcile = Callable[[Key], Awaitable[datetime | None]]


@dataclass(frozen=True, slots=True)
class RunStore:
    """The runs of a data directory, and word of what changes."""

    database: Database
    changes: Changes
    runs: ObjectTable[WorkflowRun]


class LocalDriver:
    """Moves all unfinished runs of a data directory."""

    def __init__(
        self,
        store: RunStore,
        runner: ProcessRunner,
        lock: DriverLock,
        reconcile: Reconcile,
        clock: Clock,
        neighbours: Neighbours | None = None,
    ) -> None:
        """Work with `reconcile`; `neighbours` are what it knows of other runs, told here of all that is seen."""
        self._store = store
        self._database = store.database
        self._changes = store.changes
        self._runner = runner
        self._lock = lock
        self._neighbours = neighbours or Neighbours()
        self._queue = WorkQueue(reconcile, clock)
        runner.subscribe(self._queue.add)
        self._neighbours.subscribe(self._queue.add)
        self._clean_up: CleanUp | None = None

    def clean_with(self, clean_up: CleanUp) -> None:
        """Have finished runs removed when their time has come, for as long as this driver works."""
        self._clean_up = clean_up

    def unfinished(self) -> tuple[Key, ...]:
        """Runs that something may still happen to."""
        return tuple(Key(*row) for row in self._database.rows("list_unfinished_runs"))

    async def drive(self, *, idle_seconds: float) -> bool:
        """Drive until nothing was unfinished for so long; False at once where another process drives."""
        for _ in range(TAKE_OVER_TRIES):
            if self._lock.acquire():
                break
            await asyncio.sleep(STAND_BY_SECONDS / TAKE_OVER_TRIES)
        else:
            return False
        while True:
            try:
                await self._work_until_idle(idle_seconds)
            finally:
                self._lock.release()
            # A run may have been submitted between the last look and the release, by someone who saw the lock taken.
            if not self.unfinished() or not self._lock.acquire():
                return True

    @asynccontextmanager
    async def driving(self) -> AsyncIterator[None]:
        """Drive beside what the block does: from now on, or from when the process that drives now has ended."""
        task = asyncio.create_task(self._stand_by_and_work())
        try:
            yield
        finally:
            await self._leave(task)
            self._lock.release()

    async def _stand_by_and_work(self) -> None:
        while not self._lock.acquire():  # noqa: ASYNC110  the kernel lets go of the lock; nothing here could set an event
            await asyncio.sleep(STAND_BY_SECONDS)
        try:
            await self._work()
        except Exception:
            # Whoever drives beside something else hears of it only here.
            log.exception("the driver has stopped")
            raise

    async def _work_until_idle(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.create_task(self._work())
        try:
            idle_since = loop.time()
            while not task.done():
                if self.unfinished() or len(self._queue):
                    idle_since = loop.time()
                elif loop.time() - idle_since >= seconds:
                    return
                await asyncio.wait({task}, timeout=min(IDLE_LOOK_SECONDS, seconds))
            task.result()
        finally:
            await self._leave(task)

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            group.create_task(self._feed())
            if self._clean_up is not None:
                group.create_task(self._clean_up.run())

    async def _feed(self) -> None:
        """Queue what is unfinished, then whatever is written from then on, by whomever."""
        mark, version = self._changes.mark(), self._newest_version()
        # Another driver may have been at work until a moment ago.
        self._neighbours.clear()
        self._look_at(self.unfinished())
        while True:
            await self._changes.after(mark)
            try:
                mark, newest = self._changes.mark(), self._newest_version()
                self._look_at([Key(*row) for row in self._database.rows("list_touched_runs", version=version)])
                self._tell_of_workflows(version)
                version = newest
            except TransientError as error:
                log.warning("%s; again in %g s", error, STAND_BY_SECONDS)
                await asyncio.sleep(STAND_BY_SECONDS)

    def _look_at(self, keys: Sequence[Key]) -> None:
        # All of them are noticed before anything is decided about one.
        for key in keys:
            try:
                run = self._store.runs.find(key)
            except InvalidInput as error:
                # The pass over it ends it; the others must not wait for that.
                log.warning("%s", error)
                continue
            if run is not None:
                self._neighbours.notice(run)
                if self._clean_up is not None:
                    self._clean_up.notice(run)
        for key in keys:
            self._queue.add(key)

    def _tell_of_workflows(self, version: int) -> None:
        if self._clean_up is not None:
            for row in self._database.rows("list_touched_workflows", version=version):
                self._clean_up.workflow_changed(Key(*row))

    def _newest_version(self) -> int:
        row = self._database.row("newest_version")
        return int(row[0]) if row else 0

    async def _leave(self, task: asyncio.Task[None]) -> None:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # said already; unasked for, asyncio would say it again
        await self._runner.close()
