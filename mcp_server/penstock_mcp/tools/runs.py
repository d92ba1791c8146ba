"""Tools for runs: look, wait, cancel, read logs."""

from __future__ import annotations

from typing import Annotated

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.application.kept_outputs import with_output
from penstock.application.outcomes import outcome, run_id
from penstock.engine.model import RunPhase
from penstock_mcp.calls import READS, Callers, fixed_tool
from penstock_mcp.catalogue import DEFAULT_TIMEOUT, MAX_TIMEOUT
from penstock_mcp.following import Follower, open_requests
from penstock_mcp.logs import MAX_LOG, log_answer, log_tail
from penstock_mcp.views import answer, run_details, run_line

Seconds = Annotated[int, Field(ge=1, le=MAX_TIMEOUT, description="Seconds to wait at most.")]
RunHandle = Annotated[str, Field(description="The run: namespace/name, as execute_… and list_runs give it.")]
Namespace = Annotated[str, Field(description="Only this namespace. Default: yours, or all that the server serves.")]

_CANCELS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False)


class RunTools:
    """The tools for runs."""

    def __init__(self, callers: Callers, follower: Follower) -> None:
        self._callers = callers
        self._follower = follower

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        return [
            fixed_tool(self.get_run, READS),
            fixed_tool(self.wait_for_run, READS),
            fixed_tool(self.list_runs, READS),
            fixed_tool(self.get_run_logs, READS),
            fixed_tool(self.cancel_run, _CANCELS),
        ]

    async def get_run(self, run: RunHandle) -> ToolResult:
        """Look at a run: what it came to so far, and where each step stands."""
        access = self._callers.access()
        found = await access.runs.get(self._callers.key(run))
        return answer(run_details(await with_output(access, found), await open_requests(access, found)))

    async def wait_for_run(
        self,
        run: RunHandle,
        timeout: Seconds = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller's word for it, the same in every tool
    ) -> ToolResult:
        """Wait until a run is finished or stops at a gate; at a gate already, until people have decided.

        Answers earlier with `running` when the server's own time for a call is over: then call it again.
        """
        access = self._callers.access()
        found = await access.runs.get(self._callers.key(run))
        at_gates = found.status.phase != RunPhase.WAITING
        return answer(await self._follower.follow(access, found, timeout, at_gates=at_gates))

    async def list_runs(
        self,
        namespace: Namespace = "",
        workflow: Annotated[str, Field(description="Only runs of this Workflow.")] = "",
        limit: Annotated[int, Field(ge=1, le=100, description="How many at most.")] = 20,
    ) -> ToolResult:
        """List runs, the newest first."""
        runs = await self._callers.access().runs.list(self._callers.scope(namespace), limit=limit)
        lines = [run_line(run) for run in runs]
        wanted = [line for line in lines if workflow in ("", line.get("workflow"))]
        return answer({"status": "success", "output": {"runs": wanted}}, f"{len(wanted)} runs.")

    async def get_run_logs(
        self,
        run: RunHandle,
        step: Annotated[str, Field(description="Name of the step, as get_run gives it.")],
        max_bytes: Annotated[int, Field(ge=1, le=MAX_LOG, description="How much of its end at most.")] = 16_384,
    ) -> ToolResult:
        """Read the end of what a step printed in its newest attempt."""
        access = self._callers.access()
        found = await access.runs.get(self._callers.key(run))
        return log_answer(run_id(found), step, await log_tail(access, found, step, max_bytes))

    async def cancel_run(self, run: RunHandle) -> ToolResult:
        """Ask for a run to be cancelled: nothing new starts, what runs is stopped, `finally` steps still run."""
        asked = await self._callers.access().runs.request_cancel(self._callers.key(run))
        shape = outcome(asked)
        said = "Cancelling was asked for. Use wait_for_run to see it end." if shape["status"] == "running" else None
        return answer(shape, said)
