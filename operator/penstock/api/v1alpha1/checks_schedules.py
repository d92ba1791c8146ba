"""Checks of what a Workflow does by itself: its schedules."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.api.v1alpha1.meta import parse_duration
from penstock.api.v1alpha1.schedules import schedule_name
from penstock.api.v1alpha1.subject import STAND_IN, Subject
from penstock.api.v1alpha1.workflow import Schedule
from penstock.errors import Problem


def check_schedules(subject: Subject) -> Iterator[Problem]:
    """Every problem of every schedule."""
    names: dict[str, str] = {}
    for index, schedule in enumerate(subject.spec.schedules):
        path = f"{subject.root}.schedules[{index}]"
        times = [*_cron(path, schedule), *_zone(path, schedule)]
        yield from times
        yield from _deadline(path, schedule)
        yield from _context(subject, path, schedule)
        if times or STAND_IN in schedule.cron:
            continue
        name = schedule_name(schedule)
        if name in names and schedule.name is None:
            message = f"{names[name]} has the same `cron` and `timeZone`, so nobody could tell the two apart."
            yield Problem(path, message, f"Give this one a name: `name: {name[:30]}-2`.")
        elif name in names:
            yield Problem(f"{path}.name", f"The name `{name}` is taken by {names[name]}.", f"Write `{name[:36]}-2`.")
        names.setdefault(name, path)


def _cron(path: str, schedule: Schedule) -> Iterator[Problem]:
    from penstock.api.v1alpha1.timetable import NotACron, checked_cron

    try:
        checked_cron(schedule.cron)
    except NotACron as error:
        yield Problem(f"{path}.cron", str(error), error.fix)


def _zone(path: str, schedule: Schedule) -> Iterator[Problem]:
    from penstock.api.v1alpha1.timetable import like_zone, zone_of

    try:
        zone_of(schedule.time_zone)
    except ValueError as error:
        near = like_zone(schedule.time_zone)
        fix = f"Write `{near}`." if near else "Write an IANA name, such as `Europe/Berlin`, or leave it out for UTC."
        yield Problem(f"{path}.timeZone", f"{error}.", fix)


def _deadline(path: str, schedule: Schedule) -> Iterator[Problem]:
    if not parse_duration(schedule.starting_deadline):
        message = "No run could ever be started in no time."
        yield Problem(f"{path}.startingDeadline", message, "Write a time span such as `1h`, or remove it.")


def _context(subject: Subject, path: str, schedule: Schedule) -> Iterator[Problem]:
    check = subject.tools.check_context
    for problem in check(subject.spec.inputs, schedule.context) if check else ():
        yield Problem(f"{path}.{problem.path}", problem.message, problem.fix)
