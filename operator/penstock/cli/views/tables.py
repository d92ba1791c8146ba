"""Lists as aligned columns, the way kubectl prints them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.meta import ApiObject
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.safe_text import one_line

_GAP = "   "
MAX_CELL = 60
"""Characters of one cell; the whole text is in `-o json`."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def lines(self) -> tuple[str, ...]:
        """The table as text, columns as wide as their widest cell."""
        cells = [self.headers, *(tuple(one_line(cell, MAX_CELL) for cell in row) for row in self.rows)]
        widths = [max(len(row[index]) for row in cells) for index in range(len(self.headers))]
        return tuple(
            _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
        )


def age(since: datetime | None, now: datetime) -> str:
    """Time passed, in one unit or two: `5s`, `3m12s`, `4h`, `2d`."""
    return span(now - since) if since is not None else ""


def span(length: timedelta) -> str:
    """A length of time, in one unit or two."""
    seconds = max(0, int(length.total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 1:
        return f"{seconds}s"
    if hours < 1:
        return f"{minutes}m{seconds % 60}s" if minutes < 10 and seconds % 60 else f"{minutes}m"
    if days < 1:
        return f"{hours}h{minutes % 60}m" if hours < 10 and minutes % 60 else f"{hours}h"
    return f"{days}d"


def run_table(runs: Sequence[WorkflowRun], now: datetime, *, namespaces: bool) -> Table:
    """Runs, one a row."""
    rows = tuple(
        (
            run.metadata.name,
            run.spec.workflow.name if run.spec.workflow else "(inline)",
            run.status.phase,
            run.status.progress,
            run.status.waiting_for or "",
            age(run.metadata.creation_timestamp, now),
        )
        for run in runs
    )
    return placed(("NAME", "WORKFLOW", "PHASE", "PROGRESS", "WAITING FOR", "AGE"), rows, runs, namespaces)


def finished_run_table(runs: Sequence[WorkflowRun], now: datetime) -> Table:
    """Finished runs, one a row, by their end."""
    rows = tuple(
        (
            run.metadata.name,
            run.spec.workflow.name if run.spec.workflow else "(inline)",
            run.status.phase,
            age(run.status.finished_at, now),
        )
        for run in runs
    )
    return Table(("NAME", "WORKFLOW", "PHASE", "ENDED"), rows)


def workflow_table(workflows: Sequence[Workflow], now: datetime, *, namespaces: bool) -> Table:
    """Workflows, one a row."""
    rows = tuple(
        (
            workflow.metadata.name,
            readiness(workflow),
            str(len(workflow.spec.steps) + len(workflow.spec.finally_)),
            _ahead(workflow.status.next_at, now),
            age(workflow.metadata.creation_timestamp, now),
            workflow.spec.description,
        )
        for workflow in workflows
    )
    return placed(("NAME", "READY", "STEPS", "NEXT RUN", "AGE", "DESCRIPTION"), rows, workflows, namespaces)


def approval_table(requests: Sequence[ApprovalRequest], now: datetime, *, namespaces: bool) -> Table:
    """ApprovalRequests, one a row."""
    rows = tuple(
        (
            request.metadata.name,
            request.spec.request.run.name,
            request.spec.request.step,
            request.status.phase,
            _votes(request),
            span(request.spec.request.expires_at - now) if request.status.phase == "Pending" else "",
            request.spec.request.message,
        )
        for request in requests
    )
    headers = ("NAME", "RUN", "STEP", "PHASE", "APPROVED", "EXPIRES IN", "MESSAGE")
    return placed(headers, rows, requests, namespaces)


def readiness(workflow: Workflow) -> str:
    """Whether the Workflow can run: True, False, Unknown while nobody has looked at it; empty where nobody does."""
    for condition in workflow.status.conditions:
        if condition.type == "Ready":
            return condition.status
    return ""


def _ahead(moment: datetime | None, now: datetime) -> str:
    return f"in {span(moment - now)}" if moment is not None else ""


def _votes(request: ApprovalRequest) -> str:
    approved = {vote.by for vote in request.spec.decisions if vote.verdict == "approve"}
    return f"{len(approved)}/{request.spec.request.quorum}"


def placed(
    headers: tuple[str, ...], rows: tuple[tuple[str, ...], ...], objects: Sequence[ApiObject], namespaces: bool
) -> Table:
    """A table of objects, with their namespaces in front where they may have several."""
    if not namespaces:
        return Table(headers, rows)
    placed = tuple((item.metadata.namespace, *row) for item, row in zip(objects, rows, strict=True))
    return Table(("NAMESPACE", *headers), placed)
