"""What a soak came to: figures, and whether each thing that must hold does. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

WARM_UP = 0.2
"""Part of the time after which memory is to stay as it is."""
MOST_GROWTH = 10.0
"""Percent."""
_WINDOW = 0.2
"""Part of the time over which memory is looked at, after warm-up and at the end."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Memory of one process with its children at one moment."""

    at: float
    """Seconds since the beginning."""
    mib: float


def growth(readings: Sequence[Reading]) -> tuple[float, float, float]:
    """MiB after warm-up, MiB at the end (medians over a fifth of the time each), and the growth in percent.

    Zeros where there is nothing to compare.
    """
    if not readings:
        return 0.0, 0.0, 0.0
    end = readings[-1].at
    early = [each.mib for each in readings if WARM_UP * end <= each.at < (WARM_UP + _WINDOW) * end]
    late = [each.mib for each in readings if each.at >= (1 - _WINDOW) * end]
    if not early or not late:
        return 0.0, 0.0, 0.0
    before, after = median(early), median(late)
    return round(before, 1), round(after, 1), round(100 * (after - before) / before, 1)


@dataclass(slots=True)
class Sums:
    """All of it."""

    seed: int
    seconds: float
    runs: Mapping[str, int]
    """By phase in which they ended."""
    pods: int
    changes: int
    requests: int
    faults: Mapping[str, int]
    restarts: int
    """Of replicas that were killed on purpose."""
    stops: int
    deaths: list[str]
    """Of replicas that nobody killed."""
    violations: list[tuple[str, str]]
    left: dict[str, int]
    """Objects more than there were before the first run, by kind, once all runs are gone."""
    memory: list[Reading] = field(default_factory=list)
    """Of the replica that lives from the beginning to the end."""

    @property
    def holds(self) -> bool:
        """Everything that must hold does."""
        before, _, percent = growth(self.memory)
        leaked = any(self.left.values())
        return not (self.violations or self.deaths or leaked) and before > 0 and percent < MOST_GROWTH

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        before, after, percent = growth(self.memory)
        summed = {"afterWarmUpMiB": before, "atTheEndMiB": after, "growthPercent": percent}
        readings = [[round(each.at), round(each.mib, 1)] for each in self.memory]
        fields = {key: value for key, value in asdict(self).items() if key != "memory"}
        return {"holds": self.holds, **fields, "memory": {**summed, "readings": readings}}

    def as_text(self) -> str:
        """For a person."""
        before, after, percent = growth(self.memory)
        ended = ", ".join(f"{count} {phase}" for phase, count in sorted(self.runs.items()))
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.faults.items()))
        left = ", ".join(f"{count} {kind}" for kind, count in self.left.items() if count) or "nothing"
        amounts = f"{self.pods} pods, {self.changes} changes, {self.requests} requests of operators"
        unasked = f"ended unasked: {len(self.deaths)}"
        lines = [
            f"{sum(self.runs.values())} runs in {self.seconds:.0f} s ({ended}), {amounts}",
            f"{sum(self.faults.values())} faults: {kinds}",
            f"killed and started again: {self.restarts}; stopped and woken: {self.stops}; {unasked}",
            f"memory: {before} MiB after warm-up, {after} MiB at the end: {percent:+.1f} % (less than {MOST_GROWTH:g})",
            f"left over: {left}",
            f"violations: {len(self.violations)}",
            *(f"  {rule}: {breach}" for rule, breach in self.violations[:50]),
            *(f"  {death}" for death in self.deaths[:5]),
        ]
        return "\n".join(lines)
