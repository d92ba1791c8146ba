"""What a schedule is called where it has no name of its own, and how its runs are known."""

from __future__ import annotations

import hashlib

from penstock.api.v1alpha1.workflow import Schedule

SCHEDULE_LABEL = "penstock.dev/schedule"
"""Label of a run: the schedule that started it. Only the operator may set it."""
SCHEDULED_AT = "penstock.dev/scheduled-at"
"""Annotation of such a run: the moment that it was started for."""
_HEX = 8


def schedule_name(schedule: Schedule) -> str:
    """Its name, or one that follows from its times alone: it stays when other schedules come and go."""
    if schedule.name is not None:
        return schedule.name
    seed = f"{' '.join(schedule.cron.split())}\n{schedule.time_zone}"
    return f"cron-{hashlib.sha256(seed.encode()).hexdigest()[:_HEX]}"
