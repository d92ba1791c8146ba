"""Removes what a data directory need not keep, while its driver works: finished runs when their time has come, and
contents of Workflows that nothing names any more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Awaitable, Callable

from pydantic import ValidationError

from penstock.adapters.local.database import Database
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.workflow_store import LocalRevisions
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.janitor import Janitor, Shelf
from penstock.application.work_queue import WorkQueue
from penstock.errors import TransientError
from penstock.ports.access import Key
from penstock.ports.engine import Clock

PAGE = 100
"""Runs that are read at a time: a hundredth of a second."""
REVISIONS_EVERY = 600.0
"""Seconds between two looks for contents of Workflows that nobody names any more."""
AGAIN_SECONDS = 5.0

log = logging.getLogger(__name__)


class CleanUp:
    """What a driver has beside it; `notice` and `workflow_changed` tell it of what is written meanwhile."""

    def __init__(
        self, database: Database, directory: DataDirectory, revisions: LocalRevisions, janitor: Janitor, clock: Clock
    ) -> None:
        self._database = database
        self._directory = directory
        self._revisions = revisions
        self._janitor = janitor
        self._queue: WorkQueue[Shelf] = WorkQueue(janitor.look, clock, workers=1)
        janitor.subscribe(self._queue.add)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._queue.run())
            for work in (self._look_around, self._remove_ownerless_files, self._look_at_revisions):
                group.create_task(_without_harm(work))

    def notice(self, run: WorkflowRun) -> None:
        """A run was written."""
        self._janitor.notice(run)

    def workflow_changed(self, key: Key) -> None:
        """A Workflow was written."""
        self._janitor.workflow_changed(key)

    async def _look_around(self) -> None:
        """Take in the runs that had ended before, a few at a time: those under way come first."""
        after = 0
        while page := self._database.rows("list_finished_runs", after=after, limit=PAGE):
            for _, body in page:
                try:
                    self._janitor.notice(WorkflowRun.model_validate_json(body))
                except ValidationError as error:
                    log.warning("a finished run cannot be read and stays: %s", error)
            after = page[-1][0]
            await asyncio.sleep(0)

    async def _look_at_revisions(self) -> None:
        while True:
            self._revisions.drop_old()
            await asyncio.sleep(REVISIONS_EVERY)

    async def _remove_ownerless_files(self) -> None:
        """What somebody who removed runs was killed over: their rows go first."""
        # A folder is made after the row of its run, so one that is seen first and has no row is nobody's.
        found = [folder.name for folder in self._directory.runs.glob("*")]
        owned = {row[0] for row in self._database.rows("list_runs_among", uids=json.dumps(found))}
        for uid in found:
            if uid not in owned:
                await asyncio.to_thread(shutil.rmtree, self._directory.run(uid), ignore_errors=True)


async def _without_harm(work: Callable[[], Awaitable[None]]) -> None:
    """Do what can wait, and never at the price of the driver, which runs depend on."""
    while True:
        try:
            return await work()
        except TransientError as error:
            log.warning("%s; cleaned up in %g s", error, AGAIN_SECONDS)
            await asyncio.sleep(AGAIN_SECONDS)
        except Exception:
            log.exception("this is not cleaned up before the next driver comes")
            return None
