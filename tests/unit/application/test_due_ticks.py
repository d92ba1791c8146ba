"""What is due of a schedule: each moment once, the latest of those that were missed, nothing from before it began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.api.v1alpha1.workflow import Schedule, ScheduleStatus
from penstock.application.due_ticks import MAX_COUNTED, look_at

HOURLY = Schedule(name="hourly", cron="0 * * * *")


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-02T{text}").replace(tzinfo=UTC)


def known(next_at: datetime | None, **fields) -> ScheduleStatus:
    return ScheduleStatus(name="hourly", cron="0 * * * *", time_zone="UTC", next_at=next_at, **fields)


def test_a_new_schedule_begins_with_the_next_tick():
    look = look_at(HOURLY, None, at("12:30"))
    assert (look.tick, look.missed) == (None, 0)
    assert look.status == known(at("13:00"))


def test_nothing_is_due_before_its_time():
    before = known(at("13:00"), last_run="a", missed=3)
    look = look_at(HOURLY, before, at("12:59:59"))
    assert (look.tick, look.status) == (None, before)


@pytest.mark.parametrize("now", ["13:00", "13:00:00.004", "13:59:59"])
def test_a_tick_is_due_from_its_moment_on(now):
    look = look_at(HOURLY, known(at("13:00")), at(now))
    assert (look.tick, look.missed, look.status.next_at) == (at("13:00"), 0, at("14:00"))


def test_a_tick_is_due_once():
    look = look_at(HOURLY, known(at("13:00")), at("13:00"))
    assert look_at(HOURLY, look.status, at("13:00")).tick is None


def test_until_the_status_is_written_it_is_due_again():
    first, again = (look_at(HOURLY, known(at("13:00")), at("13:00")) for _ in range(2))
    assert first == again


def test_of_missed_ticks_the_latest_is_made_up_for():
    look = look_at(HOURLY, known(at("09:00"), missed=1), at("13:20"))
    assert (look.tick, look.missed, look.status.next_at) == (at("13:00"), 4, at("14:00"))
    assert look.status.missed == 5


@pytest.mark.parametrize(
    ("deadline", "want"), [("30m", at("13:00")), ("20m", at("13:00")), ("19m", None)], ids=["in time", "just", "late"]
)
def test_the_deadline_says_how_late_is_too_late(deadline, want):
    schedule = HOURLY.model_copy(update={"starting_deadline": deadline})
    look = look_at(schedule, known(at("13:00")), at("13:20"))
    assert look.tick == want
    assert look.missed == (0 if want else 1)


def test_a_long_absence_takes_no_long_time():
    schedule = Schedule(name="each-minute", cron="* * * * *")
    long_ago = ScheduleStatus(
        name="each-minute", cron="* * * * *", time_zone="UTC", next_at=at("12:00") - timedelta(3650)
    )
    look = look_at(schedule, long_ago, at("12:00:30"))
    assert (look.tick, look.missed) == (at("12:00"), MAX_COUNTED - 1)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"cron": "30 * * * *"}, id="other times"),
        pytest.param({"time_zone": "Asia/Kathmandu"}, id="another time zone"),
    ],
)
def test_a_changed_schedule_makes_up_for_nothing(changed):
    look = look_at(HOURLY.model_copy(update=changed), known(at("09:00"), last_run="a"), at("13:20"))
    assert (look.tick, look.missed) == (None, 0)
    assert look.status.next_at is not None
    assert look.status.next_at > at("13:20")
    assert look.status.last_run == "a"


def test_another_context_or_deadline_is_no_other_schedule():
    changed = HOURLY.model_copy(update={"context": {"a": 1}, "starting_deadline": "2h"})
    assert look_at(changed, known(at("13:00")), at("13:00")).tick == at("13:00")


def test_a_suspended_schedule_starts_nothing_and_makes_up_for_nothing_later():
    held = HOURLY.model_copy(update={"suspend": True})
    look = look_at(held, known(at("13:00")), at("13:20"))
    assert (look.tick, look.missed, look.status.next_at) == (None, 0, None)

    later = look_at(HOURLY, look.status, at("15:20"))

    assert (later.tick, later.missed, later.status.next_at) == (None, 0, at("16:00"))


def test_the_clock_of_the_zone_decides():
    berlin = Schedule(name="hourly", cron="0 3 * * *", time_zone="Europe/Berlin")
    assert look_at(berlin, None, at("01:00")).status.next_at == at("02:00")
