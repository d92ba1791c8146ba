"""Time that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
"""When a FakeClock starts."""


class FakeClock:
    """A clock that a test sets."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time that was set last."""
        return self._now

    def advance(self, span: timedelta) -> None:
        """Let time go by."""
        self._now += span
