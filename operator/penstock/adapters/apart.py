"""Work that may take for ever, in a process that is killed at its deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from penstock.errors import Unavailable

T = TypeVar("T")


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
        from concurrent.futures import TimeoutError as Overdue

        from pebble import ProcessExpired

        try:
            seconds = self.deadline.total_seconds()
            future = self._ready().schedule(function, args=arguments, timeout=seconds)
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
            self._pool.stop()
            self._pool.join()
            self._pool = None

    def _ready(self) -> Any:
        if self._pool is None:
            import multiprocessing

            from pebble import ProcessPool

            # Spawned: a fork of a process with threads may inherit a lock that nobody will ever release.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPool(max_workers=1, initializer=self._initializer, context=context)
        return self._pool
