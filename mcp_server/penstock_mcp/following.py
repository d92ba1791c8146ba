"""Waiting for a run on somebody's behalf: within a budget, with progress meanwhile, and without ever losing the run."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
from fastmcp.server.dependencies import get_context
from fastmcp.tools.base import ToolResult

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.find_request import find_request
from penstock.application.kept_outputs import with_output
from penstock.application.outcomes import outcome, run_id, timed_out
from penstock.application.wait_for_run import settled, wait_for_run
from penstock.errors import PenstockError, TransientError
from penstock.ports.access import Access, Key
from penstock_mcp.views import answer

ReportProgress = Callable[[float, float | None, str], Awaitable[None]]
"""Takes what is done, what there is in all, and a sentence."""


async def report_to_caller(progress: float, total: float | None, message: str) -> None:
    """Progress to the client of this request, where it asked for any and is still there."""
    with contextlib.suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        await get_context().report_progress(progress, total, message)


class Follower:
    """Follows runs for as long as a call may last."""

    def __init__(self, budget_seconds: float, report: ReportProgress = report_to_caller) -> None:
        self.budget = budget_seconds
        """Seconds that one call may take at most."""
        self._report = report

    async def follow(
        self, access: Access, run: WorkflowRun, seconds: float, *, at_gates: bool = True
    ) -> dict[str, Any]:
        """The run's outcome once it is settled, or as it stands when the caller's seconds or our budget are over.

        Without `at_gates` a gate is no reason to stop waiting. Nothing here is needed for the run to go on.
        """
        progress = _Progress(self._report)
        await progress.begin(run)
        try:
            latest = await wait_for_run(
                access,
                Key(run.metadata.namespace, run.metadata.name),
                seconds=min(seconds, self.budget),
                at_gates=at_gates,
                on_change=progress.tell,
            )
        except TransientError:
            # The run exists: its handle is worth more than the news that we cannot see it now.
            return outcome(run)
        if seconds <= self.budget and not settled(latest, at_gates=True):
            return timed_out(latest, seconds)
        shown = await with_output(access, latest)
        return outcome(shown.run, await open_requests(access, latest), unread=shown.unread)


async def ended_answer(access: Access, run: WorkflowRun) -> ToolResult:
    """What a tool answers at the end of its run."""
    shown = await with_output(access, run)
    return answer(outcome(shown.run, unread=shown.unread))


async def open_requests(access: Access, run: WorkflowRun) -> tuple[ApprovalRequest, ...]:
    """The ApprovalRequests that the run waits for, as far as this caller may see them."""
    names = [step.gate.name for step in run.status.steps.values() if step.phase == "Waiting" and step.gate]
    found = []
    for name in names:
        with contextlib.suppress(PenstockError):
            found.append(await find_request(access, Key(run.metadata.namespace, name)))
    return tuple(found)


class _Progress:
    """Tells of a run's progress; the protocol wants each report to be higher than the last."""

    def __init__(self, report: ReportProgress) -> None:
        self._report = report
        self._told = -1

    async def begin(self, run: WorkflowRun) -> None:
        """Say early that the run exists: the answer's headers go out, and a dropped caller knows its handle."""
        self._told = 0
        await self._report(0, None, f"Run {run_id(run)} is there")

    async def tell(self, run: WorkflowRun) -> None:
        """Report the run's progress if it grew."""
        done, _, total = run.status.progress.partition("/")
        if done.isdigit() and total.isdigit() and int(done) > self._told:
            self._told = int(done)
            await self._report(int(done), int(total), f"Run {run_id(run)}: {done} of {total} steps")
