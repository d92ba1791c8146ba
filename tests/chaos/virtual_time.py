"""Event loops that share one clock which jumps: nobody waits for time to go by, and a loop can be stopped.

Everything else about them is real, sockets included. A loop that is stopped is a process that got SIGSTOP: what was
sent to it lies in its sockets, and its clock has gone on when it wakes.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

_MOST_TURNS = 2_000
_MOST_AT_ONCE = 20_000
"""Turns at one moment: more of them means that something has itself looked at again and again for nothing."""


class Restless(Exception):
    """Time stands still, for somebody always has something to do."""


class Time:
    """Seconds since the beginning; a Clock of ports.engine too."""

    def __init__(self, began: datetime) -> None:
        self._began = began
        self.seconds = 0.0

    def now(self) -> datetime:
        """The moment that it is."""
        return self._began + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        """Seconds, for what measures spans."""
        return self.seconds


class _Glance(selectors.DefaultSelector):
    """Looks what there is and never waits."""

    def __init__(self) -> None:
        super().__init__()
        self.found = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        del timeout
        events = super().select(0)
        self.found += len(events)
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """One process of the play."""

    def __init__(self, time: Time) -> None:
        self._glance = _Glance()
        self._shared = time
        self.frozen_until = 0.0
        super().__init__(self._glance)

    def time(self) -> float:
        """Seconds by the shared clock."""
        return self._shared.seconds

    @property
    def frozen(self) -> bool:
        """It is stopped at this moment."""
        return self.frozen_until > self._shared.seconds

    def turn(self) -> bool:
        """Do what can be done at this moment, once around; whether there was anything to do."""
        due = self.next_timer()
        busy = bool(self._ready) or (due is not None and due <= self._shared.seconds)  # type: ignore[attr-defined]
        before = self._glance.found
        # Stopped beforehand, it goes around once: the documented way.
        self.stop()
        self.run_forever()
        return busy or self._glance.found > before or bool(self._ready)  # type: ignore[attr-defined]

    def next_timer(self) -> float | None:
        """When it wants to go on by itself."""
        timers = self._scheduled  # type: ignore[attr-defined]
        return float(timers[0].when()) if timers else None

    def bury(self) -> None:
        """End everything in it, as well as that goes, and close it."""
        tasks = asyncio.all_tasks(self)
        for turn in range(_MOST_TURNS):
            if turn % 20 == 0:
                # More than once: one cancellation may be taken for a time that is up.
                for task in tasks:
                    task.cancel()
            if all(task.done() for task in tasks) and not self.turn():
                break
            self.turn()
        for task in tasks:
            if task.done() and not task.cancelled():
                task.exception()
        with contextlib.suppress(RuntimeError):
            self.run_until_complete(self.shutdown_asyncgens())
        self.close()


class Processes:
    """All loops of a play, turned one after the other."""

    def __init__(self, time: Time) -> None:
        self.time = time
        self._loops: list[VirtualLoop] = []
        self._dying: list[VirtualLoop] = []
        self._at_once = 0

    def spawn(self, main: Coroutine[Any, Any, None]) -> VirtualLoop:
        """A loop of its own for `main`."""
        loop = VirtualLoop(self.time)
        loop.create_task(main)
        self._loops.append(loop)
        return loop

    def kill(self, loop: VirtualLoop) -> None:
        """It does nothing from now on."""
        if loop in self._loops:
            self._loops.remove(loop)
            self._dying.append(loop)

    def run(self, main: Coroutine[Any, Any, None]) -> None:
        """Turn until `main` is done, jumping from one moment at which something is to be done to the next."""
        loop = VirtualLoop(self.time)
        self._loops.insert(0, loop)
        task = loop.create_task(main)
        try:
            while not task.done():
                self._turn_all()
            task.result()
        finally:
            self._bury()
            for each in [*self._loops[1:], loop]:
                each.bury()

    def _turn_all(self) -> None:
        awake = [loop for loop in self._loops if not loop.frozen]
        self._at_once += 1
        if self._at_once > _MOST_AT_ONCE:
            raise Restless(f"something is done all the time at {self.time.seconds:.2f} s")
        # A second look: what one loop has sent is there for the next one. Each of them is turned.
        if not sum(loop.turn() for loop in awake) and not sum(loop.turn() for loop in awake):
            self._jump(awake)
        self._bury()

    def _jump(self, awake: list[VirtualLoop]) -> None:
        moments = [moment for loop in awake if (moment := loop.next_timer()) is not None]
        moments += [loop.frozen_until for loop in self._loops if loop.frozen]
        if not moments:
            raise AssertionError("everybody waits for everybody")
        if min(moments) > self.time.seconds:
            self.time.seconds, self._at_once = min(moments), 0

    def _bury(self) -> None:
        for loop in self._dying:
            loop.bury()
        self._dying.clear()
