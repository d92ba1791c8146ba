"""The moments that a cron expression names in a time zone. Pure.

The meaning is that of Debian's cron, changes of the clock included: an expression with a fixed minute and hour runs
once on every day that it names, at the end of the hour that is skipped in spring, and in autumn the first time that
its hour comes; one with `*` in its minutes or hours goes by time that really passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

FIELDS = 5
EXAMPLE = "`0 3 * * *` (each day at 03:00)"
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)


class NotACron(ValueError):
    """The text is no cron expression; `fix` says what to write instead."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Timetable:
    """The ticks of one cron expression in one time zone."""

    cron: str
    zone: tzinfo

    def ticks(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """All ticks in (after, until], oldest first, in UTC."""
        tick = self.next(after)
        while tick is not None and tick <= until:
            yield tick
            tick = self.next(tick)

    def next(self, after: datetime) -> datetime | None:
        """The first tick after a moment, in UTC; None where there is none in the next 50 years."""
        for tick in CronSim(self.cron, after.astimezone(self.zone)):
            # In an hour that comes twice the library may look back at the first one.
            if tick.astimezone(UTC) > after:
                return tick.astimezone(UTC)
        return None

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last tick in (after, until], in UTC; found without going through all of them."""
        span = timedelta(hours=1)
        while True:
            start = max(after, until - span)
            found = None
            for tick in self.ticks(start, until):
                found = tick
            if found is not None or start <= after:
                return found
            # The ticks lie further apart than that, so a wider look meets few more.
            span *= 24


def timetable(cron: str, zone: str) -> Timetable:
    """The timetable. Raises NotACron, and ValueError for an unknown time zone."""
    return Timetable(checked_cron(cron), zone_of(zone))


def zone_of(name: str) -> tzinfo:
    """A time zone by its IANA name. Raises ValueError."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"`{name}` is no time zone") from error


def like_zone(name: str) -> str | None:
    """The time zone that somebody probably meant."""
    zones = available_timezones()
    places: dict[str, str] = {}
    for zone in sorted(zones, reverse=True):
        # Berlin is as good a hint as Europe/Berlin; of several spellings the first in order is taken.
        places |= {zone.lower(): zone, zone.rpartition("/")[2].lower(): zone}
    found = get_close_matches(name.lower().replace(" ", "_"), places, n=1, cutoff=0.75)
    return places[found[0]] if found else None


def checked_cron(text: str) -> str:
    """The expression with single spaces. Raises NotACron."""
    cron = " ".join(text.split())
    parts = cron.split()
    if cron.lower() in _MACROS:
        raise NotACron(f"`{cron}` is a short form that is not known here.", f"Write `{_MACROS[cron.lower()]}`.")
    if parts and "=" in parts[0]:
        raise NotACron("A time zone does not belong into the expression.", "Write it as `timeZone: Europe/Berlin`.")
    if len(parts) != FIELDS:
        message = (
            f"A cron expression has five fields (minute, hour, day of month, month, day of week), not {len(parts)}."
        )
        better = f"Write `{' '.join(parts[1:])}`, without seconds." if len(parts) == FIELDS + 1 else f"Write {EXAMPLE}."
        raise NotACron(message, better)
    try:
        found = next(CronSim(cron, _SOME_TIME), None)
    except CronSimError as error:
        raise NotACron(f"`{cron}` is no cron expression: {_in_words(str(error))}.", f"Write {EXAMPLE}.") from error
    except (AssertionError, TypeError, ValueError) as error:
        raise NotACron(f"`{cron}` is no cron expression.", f"Write {EXAMPLE}.") from error
    if found is None:
        raise NotACron(f"`{cron}` names a day that never comes.", f"Write {EXAMPLE}.")
    return cron


def _in_words(error: str) -> str:
    """`Bad day-of-month` as a sentence has it."""
    return error.lower().replace("bad ", "something is wrong with its ").replace("-", " ")
