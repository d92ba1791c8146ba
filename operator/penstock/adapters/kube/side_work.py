"""Work beside the driving of runs that no run depends on: it may fail without taking the process along."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

_PAUSE = 30.0

_log = logging.getLogger(__name__)


async def kept_up(what: str, work: Callable[[], Awaitable[None]], *, pause: float = _PAUSE) -> None:
    """Do `work` until it comes to its end; whatever it fails with is logged, and it begins again after `pause` seconds.

    Not for what decides on runs or watches them: where that is broken, a new process begins with nothing taken over.
    """
    while True:
        try:
            await work()
        except Exception:  # noqa: BLE001  a bug here must not end what it is beside
            _log.exception("%s failed, which holds up no run; again in %g s", what, pause)
            await asyncio.sleep(pause)
        else:
            return
