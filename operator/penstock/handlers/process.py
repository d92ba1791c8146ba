"""One operator process: kopf's thread, the watches, the Lease, the work, the probes, from start to SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.adapters.kube.cluster_side import ClusterSide
from penstock.handlers.kopf_thread import KopfThread
from penstock.handlers.probes import metrics, probes
from penstock.handlers.watching import make_registry
from penstock.wiring.operator import OperatorWiring

_DEAF_AFTER = 180.0
"""Seconds: bookmarks come every minute, and a broken watch is mended within half a minute."""

_log = logging.getLogger(__name__)


class Ports(NamedTuple):
    """Where the process is asked how it is."""

    probes: int
    metrics: int = 0
    """0: nowhere."""


async def operate(wiring: OperatorWiring, namespaces: tuple[str, ...], ports: Ports) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    kopf_thread = _kopf(wiring, namespaces, loop)
    side = wiring.side

    def deaf() -> str:
        heard = side.heard_at
        if heard is not None and time.monotonic() - heard > _DEAF_AFTER:
            return "the API server has not been heard of for three minutes"
        return "" if kopf_thread.watching else "our own kinds cannot be watched; see the log"

    def unready() -> str:
        return deaf() if side.heard_at is not None else "not everything was listed yet"

    figures = metrics(ports.metrics, wiring.figures.page) if ports.metrics else contextlib.nullcontext()
    async with probes(ports.probes, alive=deaf, ready=unready), figures:
        try:
            await _until(stop, wiring, kopf_thread)
        finally:
            await asyncio.to_thread(kopf_thread.stop)


def _kopf(wiring: OperatorWiring, namespaces: tuple[str, ...], loop: asyncio.AbstractEventLoop) -> KopfThread:
    def hand_over(plural: str, event: str | None, found: Mapping[str, Any]) -> None:
        loop.call_soon_threadsafe(wiring.side.heard, plural, event, found)

    return KopfThread(
        lambda: make_registry(hand_over, wiring.credentials),
        namespaces,
        ended=lambda: loop.call_soon_threadsafe(wiring.figures.kopf_ended),
    )


async def _until(stop: asyncio.Event, wiring: OperatorWiring, kopf_thread: KopfThread) -> None:
    """Follow and work until told to stop, or until one of both fails for good."""
    endless = [
        asyncio.create_task(wiring.side.follow(), name="follow"),
        asyncio.create_task(wiring.lease.lead(lambda: wiring.side.work(wiring.reconcile)), name="lead"),
        asyncio.create_task(stop.wait(), name="stop"),
    ]
    first = [
        asyncio.create_task(_start_kopf(wiring.side, kopf_thread), name="kopf"),
        asyncio.create_task(_settle_memory(wiring.side), name="memory"),
    ]
    done, _ = await asyncio.wait(endless, return_when=asyncio.FIRST_COMPLETED)
    for task in (*endless, *first):
        task.cancel()
    await asyncio.gather(*endless, *first, return_exceptions=True)
    await wiring.lease.release()
    for task in done:
        task.result()


async def _start_kopf(side: ClusterSide, kopf_thread: KopfThread) -> None:
    # A kopf that finds none of our kinds warns once and then never looks again.
    await side.kinds_are_served()
    kopf_thread.start()


async def _settle_memory(side: ClusterSide) -> None:
    """Dict-heavy decoding makes the collector run all the time for nothing; what was listed stays anyway."""
    gc.set_threshold(50_000, 20, 50)
    await side.sight.synced()
    gc.freeze()
