"""Percentiles, the targets they are held against, and the table that people read. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; `share` is 0.5 for the median."""
    if not values:
        raise ValueError("no values were measured")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must come to, as a multiple of another one of the same run."""

    figure: str
    of: str
    at_most: float


TARGETS = (
    Target("one_step_p50_ms", "bare_pod_p50_ms", 0.45),
    Target("chain3_p50_ms", "bare_pod_p50_ms", 1.3),
    Target("fanout10_p50_ms", "pods10_p50_ms", 1.2),
    # 0.9 of the throughput: as many in 1/0.9 of the time.
    Target("runs100_p50_ms", "pods100_p50_ms", round(1 / 0.9, 2)),
    Target("growth_5000_p50_ms", "growth_10_p50_ms", 1.2),
    # Many items in one pod: five times as fast as a pod for each.
    Target("items200_p50_ms", "pods200_p50_ms", 0.2),
)
LIMITS = {
    "gate_p50_ms": 50.0,
    "one_step_writes": 5.0,
    "further_step_writes": 4.0,
    "decide200_p50_ms": 2.0,
    "operator_cpu_ms_per_step": 10.0,
}
"""What a figure may come to at most, by itself."""


def summarize(samples: Mapping[str, Sequence[float]], writes: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """Flat figures: `<shape>_p50_ms`, `<shape>_p95_ms`, `<shape>_count`, `<shape>_writes` (median)."""
    figures: dict[str, float] = {}
    for shape, seconds in samples.items():
        if not seconds:
            continue
        figures[f"{shape}_p50_ms"] = round(percentile(seconds, 0.5) * 1000, 1)
        figures[f"{shape}_p95_ms"] = round(percentile(seconds, 0.95) * 1000, 1)
        figures[f"{shape}_count"] = len(seconds)
    for shape, counts in writes.items():
        if not counts:
            continue
        figures[f"{shape}_writes"] = percentile(counts, 0.5)
    if {"chain3_writes", "one_step_writes"} <= figures.keys():
        figures["further_step_writes"] = (figures["chain3_writes"] - figures["one_step_writes"]) / 2
    return figures


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target, and what came of it."""

    what: str
    """The figure, or the two whose ratio it is."""
    value: float
    at_most: float

    @property
    def reached(self) -> bool:
        """Whether it was."""
        return self.value <= self.at_most


def verdicts(figures: Mapping[str, float]) -> list[Verdict]:
    """All targets whose figures were measured."""
    found = [
        Verdict(f"{each.figure} / {each.of}", round(figures[each.figure] / figures[each.of], 2), each.at_most)
        for each in TARGETS
        if {each.figure, each.of} <= figures.keys()
    ]
    return found + [Verdict(name, figures[name], limit) for name, limit in LIMITS.items() if name in figures]


def table(figures: Mapping[str, float], shapes: Sequence[str]) -> str:
    """The figures as text, with each shape as a multiple of the bare pod, and the targets."""
    bare = figures["bare_pod_p50_ms"]
    shapes = [shape for shape in shapes if f"{shape}_count" in figures]
    lines = [f"{'shape':<14}{'count':>6}{'p50 ms':>9}{'p95 ms':>9}{'x bare pod':>12}{'our writes':>12}"]
    for shape in shapes:
        writes = figures.get(f"{shape}_writes")
        lines.append(
            f"{shape:<14}{figures[f'{shape}_count']:>6.0f}{figures[f'{shape}_p50_ms']:>9.0f}"
            f"{figures[f'{shape}_p95_ms']:>9.0f}{figures[f'{shape}_p50_ms'] / bare:>12.2f}"
            f"{'-' if writes is None else f'{writes:.0f}':>12}"
        )
    lines += ["", *map(_line, verdicts(figures))]
    others = ("operator_rss", "growth_", "queued_", "metrics_")
    lines += [f"         {figure} {value:g}" for figure, value in figures.items() if figure.startswith(others)]
    return "\n".join(lines)


def progress(number: int, count: int, samples: Mapping[str, Sequence[float]]) -> str:
    """One line for people who wait: the round, and the median of each shape so far, in ms."""
    medians = (f"{shape} {percentile(seconds, 0.5) * 1000:.0f}" for shape, seconds in samples.items() if seconds)
    return f"round {number + 1}/{count}, p50 ms: {', '.join(medians)}"


def _line(verdict: Verdict) -> str:
    mark = "reached " if verdict.reached else "MISSED  "
    return f"{mark} {verdict.what} {verdict.value:g}, target {verdict.at_most:g}"
