"""Whether a run of a schedule is due. Pure: the same status at the same moment gives the same answer.

`nextAt` is what is remembered: everything from there on has not been started yet. So a tick is started once, however
often and after whatever delay somebody looks, and a new, changed or resumed schedule begins with the next tick.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.schedules import schedule_name
from penstock.api.v1alpha1.timetable import Timetable, timetable
from penstock.api.v1alpha1.workflow import Schedule, ScheduleStatus

MAX_COUNTED = 1000
"""Missed ticks beyond these are not counted: after a year away their number says nothing any more."""
_INSTANT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a schedule came to."""

    status: ScheduleStatus
    """With `nextAt` moved on, and the ticks counted that nobody was there for."""
    tick: datetime | None = None
    """The moment that a run is due for."""
    missed: int = 0
    """Ticks that went by and are not made up for."""


def look_at(schedule: Schedule, known: ScheduleStatus | None, now: datetime) -> Look:
    """What is due of a schedule; `known` is what its status said last. The schedule is one without problems."""
    name, cron, zone = schedule_name(schedule), " ".join(schedule.cron.split()), schedule.time_zone
    status = known or ScheduleStatus(name=name, cron=cron, time_zone=zone)
    if schedule.suspend:
        return Look(_moved(status, cron, zone, None))
    table = timetable(cron, zone)
    if status.next_at is None or (status.cron, status.time_zone) != (cron, zone):
        return Look(_moved(status, cron, zone, table.next(now)))
    if status.next_at > now:
        return Look(status)
    return _due(schedule, table, status, now)


def _due(schedule: Schedule, table: Timetable, status: ScheduleStatus, now: datetime) -> Look:
    assert status.next_at is not None
    before = status.next_at - _INSTANT
    latest = table.latest(before, now)
    in_time = latest is not None and now - latest <= parse_duration(schedule.starting_deadline)
    due = sum(1 for _ in islice(table.ticks(before, now), MAX_COUNTED))
    missed = due - 1 if in_time else due
    moved = _moved(status, status.cron, status.time_zone, table.next(now))
    counted = moved.model_copy(update={"missed": status.missed + missed})
    return Look(counted, latest if in_time else None, missed)


def _moved(status: ScheduleStatus, cron: str, zone: str, next_at: datetime | None) -> ScheduleStatus:
    return status.model_copy(update={"cron": cron, "time_zone": zone, "next_at": next_at})
