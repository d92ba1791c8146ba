"""How often one caller may ask: token buckets, for a bounded number of callers. In one process, one event loop."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

MAX_CALLERS = 4096


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests a second in the long run, and so many at once."""

    per_second: float = 20.0
    burst: int = 100


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Buckets:
    """One bucket for each caller; who has not called for longest is forgotten first, with a full bucket."""

    def __init__(self, rate: Rate, clock: Callable[[], float], max_callers: int = MAX_CALLERS) -> None:
        self._rate = rate
        self._clock = clock
        self._max_callers = max_callers
        self._buckets: OrderedDict[Hashable, _Bucket] = OrderedDict()

    def take(self, caller: Hashable) -> float:
        """0.0, or the seconds after which this caller may ask again."""
        now = self._clock()
        bucket = self._buckets.pop(caller, None) or _Bucket(float(self._rate.burst), now)
        self._buckets[caller] = bucket
        while len(self._buckets) > self._max_callers:
            self._buckets.popitem(last=False)
        bucket.level = min(float(self._rate.burst), bucket.level + (now - bucket.at) * self._rate.per_second)
        bucket.at = now
        if bucket.level < 1.0:
            return (1.0 - bucket.level) / self._rate.per_second
        bucket.level -= 1.0
        return 0.0
