"""Following a run until something worth telling has happened."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.ports.access import Access, Key

OnChange = Callable[[WorkflowRun], Awaitable[None]]


async def wait_for_run(
    access: Access, key: Key, *, seconds: float | None, at_gates: bool = True, on_change: OnChange | None = None
) -> WorkflowRun:
    """The run once it is finished, or (with `at_gates`) waits for people; after `seconds` as it stands then.

    Never cancels anything. Raises NotFound when the run is or goes away.
    """
    latest = await access.runs.get(key)
    try:
        async with asyncio.timeout(seconds):
            async for run in access.runs.watch(key):
                latest = run
                if on_change is not None:
                    await on_change(run)
                if settled(run, at_gates=at_gates):
                    break
    except TimeoutError:
        pass
    return latest


def settled(run: WorkflowRun, *, at_gates: bool) -> bool:
    """Nothing will change without a person, or ever."""
    phase = RunPhase(run.status.phase)
    return phase.finished or (at_gates and phase is RunPhase.WAITING)
