"""Waiting for what must come to be right, however long real controllers take within bounds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tests.chaos.checks import violations
from tests.chaos.real.recorder import Recorder

_SETTLING = 75.0
"""Seconds that everything has to settle, at the end and after the runs were deleted."""
_LOOK = 0.5


async def wait_until(condition: Callable[[], bool], seconds: float, look: Callable[[], None]) -> None:
    """Return once it holds, or when the time is over; `look` is called all the time."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        look()
        await asyncio.sleep(_LOOK)


async def settled(
    recorder: Recorder, look: Callable[[], None], seconds: float = _SETTLING, every: float = 2.0
) -> list[tuple[str, str]]:
    """What is wrong once everybody has had time to put it right."""
    deadline = time.monotonic() + seconds
    while True:
        look()
        found = await asyncio.to_thread(violations, recorder.history())
        if not found or time.monotonic() > deadline:
            return found
        await asyncio.sleep(every)
