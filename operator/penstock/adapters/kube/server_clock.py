"""Now, by the API server's clock: what expires, expires by one clock, whichever replica looks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SLACK = 2.0
"""A Date is cut to the second, and the answer took a while: a server that is ahead by less may be in step with us."""


class ServerClock:
    """Clock of ports.engine: the local clock, moved as little as the Dates of the server's answers demand."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._offset = 0.0
        self._heard = ""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self._wall() + self._offset, UTC)

    def hear(self, date: str) -> None:
        """Take in the Date header of an answer that has just come."""
        if not date or date == self._heard:
            return
        self._heard = date
        try:
            server = parsedate_to_datetime(date).timestamp()
        except ValueError:
            return
        behind = server - self._wall()
        self._offset = min(max(self._offset, behind), behind + _SLACK)
