"""Looks after the schedules of a data directory while its process lives; any number of processes may.

Nothing is locked: the name of a run follows from its moment, and a status is written only by who read the last one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from penstock.adapters.local.changes import Changes
from penstock.adapters.local.database import Database
from penstock.application.work_queue import WorkQueue
from penstock.errors import TransientError
from penstock.ports.access import Key
from penstock.ports.engine import Clock

_AGAIN_SECONDS = 0.2

log = logging.getLogger(__name__)


class ScheduleDriver:
    """Calls `look(key)` for every Workflow when it is written, and when it says that the next run is due."""

    def __init__(
        self,
        database: Database,
        changes: Changes,
        look: Callable[[Key], Awaitable[datetime | None]],
        clock: Clock,
    ) -> None:
        self._database = database
        self._changes = changes
        self._queue: WorkQueue[Key] = WorkQueue(look, clock, workers=2)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            group.create_task(self._feed())

    async def _feed(self) -> None:
        version = 0
        while True:
            mark = self._changes.mark()
            try:
                newest = self._newest_version()
                for row in self._database.rows("list_touched_workflows", version=version):
                    self._queue.add(Key(*row))
                version = newest
            except TransientError as error:
                log.warning("%s; again in %g s", error, _AGAIN_SECONDS)
                await asyncio.sleep(_AGAIN_SECONDS)
                continue
            await self._changes.after(mark)

    def _newest_version(self) -> int:
        row = self._database.row("newest_version")
        return int(row[0]) if row else 0
