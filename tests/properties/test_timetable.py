"""Ticks do not depend on when somebody looks: a stretch of time has those of its parts, whatever the clock does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.api.v1alpha1.timetable import timetable

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
minutes = st.sampled_from(["*", "*/7", "0", "30", "15,45", "59"])
hours = st.sampled_from(["*", "*/3", "1-3", "2", "0", "3"])
days = st.sampled_from(["*", "*", "1", "L", "*/2"])
weekdays = st.sampled_from(["*", "*", "SUN", "MON-FRI", "0#1"])
CRONS = st.builds(lambda *parts: " ".join(parts), minutes, hours, days, st.just("*"), weekdays)
# Around the changes of 2026: 29 March and 25 October in Berlin, 8 March and 1 November in New York,
# 5 April and 4 October (by half an hour) on Lord Howe.
CHANGES = st.sampled_from([(3, 28), (10, 24), (3, 7), (10, 31), (4, 4), (10, 3), (7, 1)])
MOMENTS = st.builds(
    lambda day, seconds: datetime(2026, *day, tzinfo=UTC) + timedelta(seconds=seconds),
    CHANGES,
    st.integers(0, 3 * 86_400),
)
SPANS = st.integers(1, 3 * 86_400).map(lambda seconds: timedelta(seconds=seconds))


@given(CRONS, ZONES, MOMENTS, SPANS, SPANS)
@settings(max_examples=300, deadline=None)
def test_a_stretch_of_time_has_the_ticks_of_its_parts(cron, zone, start, first, second):
    table = timetable(cron, zone)
    middle, end = start + first, start + first + second
    whole = list(table.ticks(start, end))
    assert whole == [*table.ticks(start, middle), *table.ticks(middle, end)]
    assert whole == sorted(set(whole))
    assert all(start < tick <= end for tick in whole)


@given(CRONS, ZONES, MOMENTS, SPANS)
@settings(max_examples=300, deadline=None)
def test_the_latest_tick_is_the_last_of_all(cron, zone, start, span):
    table = timetable(cron, zone)
    every = list(table.ticks(start, start + span))
    assert table.latest(start, start + span) == (every[-1] if every else None)


@given(ZONES, st.integers(0, 23), st.integers(0, 59), CHANGES)
@settings(max_examples=200, deadline=None)
def test_a_fixed_time_comes_once_a_day_also_when_the_clock_is_changed(zone, hour, minute, change):
    table = timetable(f"{minute} {hour} * * *", zone)
    start = datetime(2026, *change, tzinfo=table.zone).astimezone(UTC)
    local = [tick.astimezone(table.zone) for tick in table.ticks(start, start + timedelta(days=3, hours=12))]
    dates = [tick.date() for tick in local]
    assert len(dates) == len(set(dates))
    assert all((later - earlier).days == 1 for earlier, later in pairwise(dates))
