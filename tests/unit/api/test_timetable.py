"""Cron in a time zone: what it means on the days when the clock is changed, and what is told of a mistake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.api.v1alpha1.timetable import NotACron, checked_cron, like_zone, timetable, zone_of

BERLIN = zone_of("Europe/Berlin")
# In 2026 Berlin skips 02:00-03:00 on 29 March, and has 02:00-03:00 twice on 25 October.


def ticks(cron: str, since: str, until: str, zone: str = "Europe/Berlin") -> list[str]:
    """Ticks between two local times, as local times with their offset."""
    where = zone_of(zone)
    start, end = (datetime.fromisoformat(text).replace(tzinfo=where) for text in (since, until))
    found = timetable(cron, zone).ticks(start, end)
    return [tick.astimezone(where).strftime("%d %H:%M%z") for tick in found]


@pytest.mark.parametrize(
    ("cron", "since", "until", "want"),
    [
        pytest.param("0 3 * * *", "2026-01-01", "2026-01-03", ["01 03:00+0100", "02 03:00+0100"], id="each day"),
        pytest.param("0 9 * * MON-FRI", "2026-01-02", "2026-01-06", ["02 09:00+0100", "05 09:00+0100"], id="weekdays"),
        pytest.param("0 0 L * *", "2026-02-01", "2026-03-01", ["28 00:00+0100"], id="the last day of a month"),
        pytest.param(
            "30 2 * * *",
            "2026-03-28",
            "2026-03-31",
            ["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"],
            id="a skipped time comes when the hour is over",
        ),
        pytest.param(
            "15,45 2 * * *",
            "2026-03-29",
            "2026-03-30",
            ["29 03:00+0200"],
            id="of several skipped times one comes",
        ),
        pytest.param(
            "30 2 * * *",
            "2026-10-24",
            "2026-10-27",
            ["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"],
            id="a doubled time comes once, the first time",
        ),
        pytest.param(
            "*/30 * * * *",
            "2026-10-25T01:30",
            "2026-10-25T03:00",
            ["25 02:00+0200", "25 02:30+0200", "25 02:00+0100", "25 02:30+0100", "25 03:00+0100"],
            id="what goes by minutes goes on through a doubled hour",
        ),
        pytest.param(
            "*/30 * * * *",
            "2026-03-29T01:00",
            "2026-03-29T03:30",
            ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200"],
            id="and knows nothing of a skipped one",
        ),
        pytest.param("0 12 29 2 *", "2026-01-01", "2029-01-01", ["29 12:00+0100"], id="a leap day"),
    ],
)
def test_ticks(cron, since, until, want):
    assert ticks(cron, since, until) == want


def test_utc_knows_no_change_of_the_clock():
    assert ticks("30 2 * * *", "2026-03-29", "2026-03-30", "UTC") == ["29 02:30+0000"]


def test_in_the_second_round_of_a_doubled_hour_the_first_does_not_come_back():
    second_round = datetime(2026, 10, 25, 2, 10, tzinfo=BERLIN, fold=1)
    assert timetable("30 2 * * *", "Europe/Berlin").next(second_round.astimezone(UTC)) == datetime(
        2026, 10, 26, 1, 30, tzinfo=UTC
    )


def test_the_latest_of_many_is_found_without_counting_them():
    every_minute = timetable("* * * * *", "UTC")
    until = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
    assert every_minute.latest(until - timedelta(days=3650), until) == until - timedelta(seconds=30)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ("@daily", "short form", "`0 0 * * *`"),
        ("TZ=Europe/Berlin 0 3 * * *", "time zone does not belong", "timeZone: Europe/Berlin"),
        ("0 3 * *", "five fields", "each day at 03:00"),
        ("*/10 0 3 * * *", "five fields", "`0 3 * * *`, without seconds"),
        ("61 * * * *", "its minute", "each day"),
        ("0 25 * * *", "its hour", "each day"),
        ("0 0 * * MON#9", "its day of week", "each day"),
        ("0 0 31 2 *", "its day of month", "each day"),
        ("* * */20 * 1L", "never comes", "each day"),
        ("0 0 LW/0 * *", "its day of month", "each day"),
        ("", "five fields", "each day"),
        ("every day", "five fields", "each day"),
    ],
)
def test_a_mistake_is_told_with_what_to_write(text, message, fix):
    with pytest.raises(NotACron, match=message) as caught:
        checked_cron(text)
    assert fix in caught.value.fix


def test_spaces_do_not_matter():
    assert checked_cron("  0  3 *\t* * ") == "0 3 * * *"


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin", "Europe/Berln"])
def test_a_wrong_time_zone_has_a_right_one_nearby(name):
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)
    assert like_zone(name) == "Europe/Berlin"


@pytest.mark.parametrize("name", ["../etc/passwd", "", "+02:00", "/usr/share/zoneinfo/UTC", "a\0b"])
def test_what_is_far_from_any_time_zone(name):
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(name)
    assert like_zone(name) is None
