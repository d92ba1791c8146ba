"""Work that may take for ever, in a process that is killed at its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from penstock.errors import Unavailable

T = TypeVar("T")

_POOLS = 3
"""How many pools in a row may break under one call."""


class OverdueError(Exception):
    """The work took longer than it may."""


class DiedError(Exception):
    """The work ended the process that it ran in."""


class Apart:
    """Processes for pure functions. They start with the first call; `close` ends them."""

    def __init__(self, deadline: timedelta, *, initializer: Callable[[], None] | None = None) -> None:
        self.deadline = deadline
        self._initializer = initializer
        self._pool: Any = None

    async def call(self, function: Callable[..., T], *arguments: Any) -> T:
        """What `function` returns; the time until the process has started does not count.

        Raises OverdueError, DiedError, Unavailable where no process can be started, and what the function raises.
        """
        from concurrent.futures.process import BrokenProcessPool

        for _ in range(_POOLS):
            pool = await self._ready()
            try:
                return await self._call_in(pool, function, arguments)
            except BrokenProcessPool:
                # A process that is killed while it has nothing to do takes its whole pool with it.
                await self._drop(pool)
        raise Unavailable("No process to work in stays alive.")

    async def _call_in(self, pool: Any, function: Callable[..., T], arguments: tuple[Any, ...]) -> T:
        from concurrent.futures import TimeoutError as Overdue

        from pebble import ProcessExpired

        try:
            future = pool.schedule(function, args=arguments, timeout=self.deadline.total_seconds())
            result: T = await asyncio.wrap_future(future)
        except Overdue as error:
            raise OverdueError from error
        except ProcessExpired as error:
            raise DiedError from error
        except OSError as error:
            raise Unavailable(f"No process to work in could be started: {error}.") from error
        return result

    def close(self) -> None:
        """End the processes; harmless when there are none."""
        if self._pool is not None:
            _end(self._pool)
            self._pool = None

    async def _ready(self) -> Any:
        if self._pool is not None and not self._pool.active:
            await self._drop(self._pool)
        if self._pool is None:
            import multiprocessing

            from pebble import ProcessPool

            # Spawned: a fork of a process with threads may inherit a lock that nobody will ever release.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(max_workers=1, initializer=self._initializer, context=context)
        return self._pool

    async def _drop(self, pool: Any) -> None:
        if self._pool is pool:
            self._pool = None
            await asyncio.to_thread(_end, pool)


def _end(pool: Any) -> None:
    pool.stop()
    pool.join()


class Line:
    """A process and those who wait for it, one behind the other.

    Each of them holds up a pass over a run, and passes are few, so there may be only so many.
    """

    def __init__(self, process: Apart, most: int) -> None:
        self.process = process
        self._most = most
        self._there = 0
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Apart]:
        """The process, once it is free. Raises Unavailable where the line is full."""
        if self._there >= self._most:
            raise Unavailable(f"{self._most} that take long are being worked on or wait for it")
        self._there += 1
        try:
            async with self._turn:
                yield self.process
        finally:
            self._there -= 1
