"""Writes down every change of a namespace as the API server's watches tell it, in the order of its versions."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.chaos.history import FINISHED, LATE, Change, History
from tests.chaos.real.api import Desk

WATCHED = (
    "workflowruns",
    "approvalrequests",
    "controllerrevisions",
    "jobs",
    "pods",
    "configmaps",
)


class Recorder:
    """Of one namespace."""

    def __init__(self, desk: Desk, late: set[str]) -> None:
        self._desk = desk
        self._late = late
        self._began = time.monotonic()
        self._history = History(began=datetime.now(UTC))
        self._versions: list[int] = []
        self.on_change: list[Callable[[str, str, dict[str, Any]], None]] = []
        """Told of kind, plural and object of each change."""
        self.now: dict[str, dict[str, dict[str, Any]]] = {plural: {} for plural in WATCHED}
        """What is there, by kind and UID."""

    @property
    def seconds(self) -> float:
        """Since the play began."""
        return time.monotonic() - self._began

    def history(self) -> History:
        """Everything so far, in the order in which the API server did it."""
        order = sorted(range(len(self._versions)), key=lambda at: (self._versions[at], at))
        told = self._history
        changes = [told.changes[at] for at in order]
        changes = [
            Change(each.at, f"{LATE}{each.who}", each.kind, each.plural, each.object)
            if each.kind == "ADDED" and each.uid in self._late
            else each
            for each in changes
        ]
        return History(changes, told.programs, told.votes, told.calm, told.began)

    def at_work(self) -> bool:
        """Some operator has stored what a Workflow says, so it is the active one."""
        return bool(self.now["controllerrevisions"])

    def all_runs_ended(self) -> bool:
        """Every run that is there has come to an end."""
        return all(run.get("status", {}).get("phase") in FINISHED for run in self.now["workflowruns"].values())

    @property
    def told(self) -> History:
        """Where programs and votes are written down."""
        return self._history

    @asynccontextmanager
    async def recording(self) -> AsyncIterator[None]:
        """Every change from here on."""
        began = asyncio.Event()
        left = len(WATCHED)

        def begun() -> None:
            nonlocal left
            left -= 1
            if not left:
                began.set()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._follow(plural, begun)) for plural in WATCHED]
            await began.wait()
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _follow(self, plural: str, begun: Callable[[], None]) -> None:
        _, since = await self._desk.list(plural)
        begun()
        while True:
            try:
                async with self._desk.watch(plural, since) as changes:
                    async for change in changes:
                        since = self._take(plural, change)
            except (aiohttp.ClientError, json.JSONDecodeError):
                await asyncio.sleep(0.2)

    def _take(self, plural: str, change: dict[str, Any]) -> str:
        kind, found = change["type"], change["object"]
        if kind == "ERROR":
            # A gap would be a history that is not true.
            raise RuntimeError(f"the watch of {plural} was lost: {found}")
        version: str = found["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return version
        found["metadata"].pop("managedFields", None)
        self._versions.append(int(version))
        self._history.changes.append(Change(self.seconds, "cluster", kind, plural, found))
        if kind == "DELETED":
            self.now[plural].pop(found["metadata"]["uid"], None)
        else:
            self.now[plural][found["metadata"]["uid"]] = found
        for hear in self.on_change:
            hear(kind, plural, found)
        return version
