"""Schedules as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from penstock.api.v1alpha1.schedules import schedule_name
from penstock.api.v1alpha1.workflow import Schedule, ScheduleStatus, Workflow
from penstock.application.safe_text import one_line
from penstock.cli.views.tables import Table, span


def schedule_table(workflows: Sequence[Workflow], now: datetime) -> Table:
    """Every schedule of these Workflows, one a row, with the next run that follows from its times."""
    rows = tuple(
        (
            f"{workflow.metadata.namespace}/{workflow.metadata.name}",
            schedule_name(schedule),
            schedule.cron,
            schedule.time_zone,
            _when(_next(schedule, now), now),
        )
        for workflow in workflows
        for schedule in workflow.spec.schedules
    )
    return Table(("WORKFLOW", "SCHEDULE", "CRON", "TIME ZONE", "NEXT"), rows)


def schedule_lines(workflow: Workflow, now: datetime) -> Iterator[str]:
    """The schedules of one Workflow with what their status says."""
    known = {each.name: each for each in workflow.status.schedules}
    for schedule in workflow.spec.schedules:
        name = schedule_name(schedule)
        yield one_line(
            f"{name}: {schedule.cron} ({schedule.time_zone}); {_standing(schedule, known.get(name), now)}", 300
        )


def _standing(schedule: Schedule, status: ScheduleStatus | None, now: datetime) -> str:
    if schedule.suspend:
        parts = ["suspended"]
    else:
        parts = [f"next {_when(status.next_at, now)}" if status is not None else "nobody has looked at it yet"]
    if status is not None and status.last_run is not None:
        parts.append(f"last {status.last_run}")
    if status is not None and status.missed:
        parts.append(f"missed {status.missed}")
    return "; ".join(parts)


def _next(schedule: Schedule, now: datetime) -> datetime | None:
    from penstock.api.v1alpha1.timetable import timetable

    if schedule.suspend:
        return None
    try:
        return timetable(schedule.cron, schedule.time_zone).next(now)
    except ValueError:
        return None  # stored before it was checked, and not started either


def _when(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "never"
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC, in {span(moment - now)}"
