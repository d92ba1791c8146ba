"""A keyed work queue with timers: one worker a key, many keys at once, nothing lost, nothing done twice for one reason.

A key that is added while it is worked on is worked on once more. A key has at most one timer, the earliest asked for
since its last pass. Errors are retried with growing waits and never stop other keys.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from penstock.errors import Conflict, TransientError
from penstock.ports.engine import Clock

K = TypeVar("K", bound=Hashable)

FIRST_RETRY = 0.05
"""Seconds."""
LAST_RETRY = 30.0
"""Seconds."""

log = logging.getLogger(__name__)


class Passes(Protocol):
    """Told of every pass, by whoever counts."""

    def began(self, waited: float) -> None:
        """A key that waited for so many seconds is worked on."""

    def ended(self, took: float, error: Exception | None) -> None:
        """A pass has ended after so many seconds."""


class _Uncounted:
    """Nobody counts."""

    def began(self, waited: float) -> None:
        """Nothing is kept."""

    def ended(self, took: float, error: Exception | None) -> None:
        """Nothing is kept."""


class WorkQueue(Generic[K]):
    """Calls `handler(key)` for every key that was added; the handler returns when to look again, or None."""

    def __init__(
        self,
        handler: Callable[[K], Awaitable[datetime | None]],
        clock: Clock,
        *,
        workers: int = 16,
        passes: Passes | None = None,
    ) -> None:
        self._handler = handler
        self._clock = clock
        self._workers = workers
        self._passes = passes or _Uncounted()
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._queued: dict[K, float] = {}
        """With the monotonic time at which each was added; so are those below."""
        self._working: dict[K, float] = {}
        self._again: dict[K, float] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._failures: dict[K, int] = {}

    def add(self, key: K) -> None:
        """Have the key worked on as soon as a worker is free. Call it from the queue's own loop."""
        if key in self._working:
            self._again.setdefault(key, time.monotonic())
        elif key not in self._queued:
            self._queue(key, time.monotonic())

    def add_at(self, key: K, when: datetime) -> None:
        """Have the key worked on at `when` at the latest."""
        self._after(key, max(0.0, (when - self._clock.now()).total_seconds()))

    def woken_at(self, key: K) -> float:
        """Monotonic time at which a key was added that is worked on now; now for any other."""
        return self._working.get(key) or time.monotonic()

    def __len__(self) -> int:
        """Keys that are queued or worked on; keys that only wait for a timer do not count."""
        return len(self._queued) + len(self._working)

    @property
    def timers(self) -> int:
        """Keys that wait for a time."""
        return len(self._timers)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._ready.get()
            added = self._working[key] = self._queued.pop(key)
            try:
                await self._handle(key, added)
            finally:
                del self._working[key]
            again = self._again.pop(key, None)
            if again is not None:
                self._queue(key, again)

    def _queue(self, key: K, added: float) -> None:
        self._queued[key] = added
        self._ready.put_nowait(key)

    async def _handle(self, key: K, added: float) -> None:
        self._drop_timer(key)
        began = time.monotonic()
        self._passes.began(began - added)
        try:
            when = await self._handler(key)
        except Exception as error:  # noqa: BLE001  one bad object must not stop the others
            self._passes.ended(time.monotonic() - began, error)
            self._retry(key, error)
            return
        self._passes.ended(time.monotonic() - began, None)
        self._failures.pop(key, None)
        if when is not None:
            self.add_at(key, when)

    def _retry(self, key: K, error: Exception) -> None:
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        wait = min(LAST_RETRY, FIRST_RETRY * 2 ** min(failures, 20))
        if isinstance(error, TransientError):
            wait = max(wait, error.retry_after or 0.0)
            # Somebody wrote first is the ordinary course of things, and the next pass reads anew.
            level = logging.DEBUG if isinstance(error, Conflict) else logging.WARNING
            log.log(level, "%s: %s; again in %.2f s", key, error, wait)
        else:
            log.error("%s: again in %.2f s", key, wait, exc_info=error)
        self._after(key, wait)

    def _after(self, key: K, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= due:
            return
        self._drop_timer(key)
        self._timers[key] = loop.call_at(due, self._fire, key)

    def _fire(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    def _drop_timer(self, key: K) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
