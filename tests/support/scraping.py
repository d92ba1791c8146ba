"""Figures as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


class Figures:
    """One scrape."""

    def __init__(self, page: str) -> None:
        families = list(text_string_to_metric_families(page))
        self.kinds: Mapping[str, str] = {family.name: family.type for family in families}
        self._values: dict[tuple[str, Labels], float] = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    @property
    def names(self) -> set[str]:
        """The names that can be asked for."""
        return {name for name, _ in self._values}

    def value(self, name: str, **labels: str) -> float:
        """The sum over the series that have these labels, and any others."""
        wanted = frozenset(labels.items())
        return sum(value for (other, has), value in self._values.items() if other == name and wanted <= has)
