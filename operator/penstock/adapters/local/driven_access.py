"""An Access whose writes are followed by work: it makes sure that somebody drives the runs that it touches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Access, Approvals, Key, Runs
from penstock.ports.schedules import ScheduledRuns

Ensure = Callable[[], None]


def driven(access: Access, ensure: Ensure) -> Access:
    """`access`, with `ensure` called after each write that somebody must act on, and before a run is watched."""
    return replace(access, runs=_DrivenRuns(access.runs, ensure), approvals=_DrivenApprovals(access.approvals, ensure))


@dataclass(frozen=True, slots=True)
class _DrivenRuns:
    runs: Runs
    ensure: Ensure

    async def create(self, run: WorkflowRun) -> WorkflowRun:
        created = await self.runs.create(run)
        self.ensure()
        return created

    async def get(self, key: Key) -> WorkflowRun:
        return await self.runs.get(key)

    async def list(self, namespace: str | None, *, limit: int = 100) -> tuple[WorkflowRun, ...]:
        return await self.runs.list(namespace, limit=limit)

    async def request_cancel(self, key: Key) -> WorkflowRun:
        run = await self.runs.request_cancel(key)
        self.ensure()
        return run

    async def set_suspend(self, key: Key, *, suspend: bool) -> WorkflowRun:
        run = await self.runs.set_suspend(key, suspend=suspend)
        self.ensure()
        return run

    async def delete(self, run: WorkflowRun) -> None:
        await self.runs.delete(run)

    async def watch(self, key: Key) -> AsyncIterator[WorkflowRun]:
        self.ensure()
        async for run in self.runs.watch(key):
            yield run


@dataclass(frozen=True, slots=True)
class _DrivenApprovals:
    approvals: Approvals
    ensure: Ensure

    async def get(self, key: Key) -> ApprovalRequest:
        return await self.approvals.get(key)

    async def list(self, namespace: str | None) -> tuple[ApprovalRequest, ...]:
        return await self.approvals.list(namespace)

    async def decide(self, key: Key, decision: Decision) -> ApprovalRequest:
        request = await self.approvals.decide(key, decision)
        self.ensure()
        return request


@dataclass(frozen=True, slots=True)
class DrivenScheduledRuns:
    """ScheduledRuns that somebody drives."""

    runs: ScheduledRuns
    ensure: Ensure

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run, and see to it that somebody drives it; also one that another process has only just made."""
        created = await self.runs.create(run)
        self.ensure()
        return created

    async def unfinished(self, workflow: Key, schedule: str) -> tuple[WorkflowRun, ...]:
        """Those of a schedule."""
        return await self.runs.unfinished(workflow, schedule)

    async def request_cancel(self, key: Key) -> WorkflowRun | None:
        """Ask for a run to be cancelled."""
        cancelled = await self.runs.request_cancel(key)
        self.ensure()
        return cancelled
