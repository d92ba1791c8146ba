"""A switch for tests alone: the process dies at a named write, as a machine that loses power would."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

from penstock.errors import InvalidInput

_KILLED = 137


def _die() -> None:
    os._exit(_KILLED)


class CrashSwitch:
    """Counts the mutating requests of this process and ends it at one of them.

    `before:3` dies instead of sending the third one, `after:3` once its answer is there. Lease renewals and Events
    are not counted: their number depends on time.
    """

    def __init__(self, when: str = "", *, die: Callable[[], None] = _die) -> None:
        match = re.fullmatch(r"(before|after):([1-9][0-9]*)|", when)
        if match is None:
            raise InvalidInput(f"`{when}` is not a crash point; write before:N or after:N with N from 1")
        self._after = match[1] == "after"
        self._at = int(match[2] or 0)
        self._die = die
        self.count = 0
        """Mutating requests so far, the one under way included."""

    def before(self) -> int:
        """A mutating request is about to be sent; gives its number."""
        self.count += 1
        if self.count == self._at and not self._after:
            self._die()
        return self.count

    def after(self, number: int) -> None:
        """The mutating request of this number was answered."""
        if number == self._at and self._after:
            self._die()
