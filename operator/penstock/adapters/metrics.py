"""What a metric is: declared once, so that what is counted and what docs/reference/metrics.md says cannot differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import GaugeMetricFamily

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds for what takes milliseconds, in seconds."""
SLOW = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""Bounds for what takes seconds or minutes, in seconds."""
PEOPLE = (10.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0, 259200.0, 604800.0)
"""Bounds for what people take their time for, in seconds: up to a week."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric."""

    name: str
    """As it is asked for in PromQL; a counter's with `_total`."""
    kind: str
    """counter, gauge or histogram."""
    text: str
    """What it tells, as a sentence."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Each label with the values that it may have: always a list that is known beforehand, and short."""
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets."""

    @property
    def series(self) -> tuple[str, ...]:
        """The names that PromQL may ask for."""
        if self.kind == "histogram":
            return tuple(f"{self.name}_{part}" for part in ("bucket", "sum", "count"))
        return (self.name,)

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Made, as a counter."""
        return Counter(self.name, self.text, tuple(self.labels), registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Made, as a gauge that is set when something happens."""
        return Gauge(self.name, self.text, tuple(self.labels), registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Made, as a histogram."""
        return Histogram(self.name, self.text, tuple(self.labels), buckets=self.bounds, registry=registry)

    def standing(self, values: Mapping[tuple[str, ...], float]) -> GaugeMetricFamily:
        """A gauge that is looked up when it is asked for; `values` by the values of its labels."""
        family = GaugeMetricFamily(self.name, self.text, labels=tuple(self.labels))
        for labels, value in values.items():
            family.add_metric(labels, value)
        return family
