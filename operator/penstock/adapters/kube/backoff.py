"""How long to wait before the next try."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Waits that double up to a limit, each shortened at random by up to a half, so that replicas do not march."""

    first: float
    longest: float
    roll: Callable[[], float] = random.random
    _failures: int = 0

    def next(self) -> float:
        """Seconds to wait now."""
        wait = min(self.longest, self.first * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return wait * (1.0 - 0.5 * self.roll())

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
