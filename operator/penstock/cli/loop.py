"""The event loop of one command: ends on Ctrl-C, SIGTERM and SIGHUP by cancelling it, so that it can tidy up."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def run_to_end(work: Coroutine[Any, Any, int | None]) -> int | None:
    """What the coroutine returns; 128 + the signal's number when SIGTERM or SIGHUP ended it.

    Raises KeyboardInterrupt on Ctrl-C.
    """
    received: list[int] = []

    async def supervised() -> int | None:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def end(number: int) -> None:
            received.append(number)
            task.cancel()

        for number in _ENDING:
            loop.add_signal_handler(number, end, number)
        return await work

    try:
        return asyncio.run(supervised())
    except asyncio.CancelledError:
        if received:
            return 128 + received[0]
        raise
