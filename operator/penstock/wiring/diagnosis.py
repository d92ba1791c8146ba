"""penstock doctor: a look at the cluster's installation, or at this machine."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from penstock.adapters.clock import SystemClock, new_id
from penstock.application.diagnosis import Finding
from penstock.settings import CommandSettings, process_environment


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be looked at."""

    installation: str = "penstock-system"
    """Namespace that Penstock is installed in."""
    probe: bool = False
    """Have a run try what a step reaches."""


async def diagnose(settings: CommandSettings, errand: Errand) -> AsyncIterator[Finding]:
    """What is found, one after another."""
    if settings.local:
        from penstock.adapters.local.doctor import findings
        from penstock.adapters.local.layout import DataDirectory

        beside = Path(sys.executable).parent
        for finding in findings(DataDirectory(settings.data_dir), process_environment(), beside):
            yield finding
    else:
        async for finding in _on_cluster(settings, errand):
            yield finding


async def _on_cluster(settings: CommandSettings, errand: Errand) -> AsyncIterator[Finding]:
    from penstock.adapters.kube.access import kube_access
    from penstock.adapters.kube.doctor import ClusterDoctor, Visit
    from penstock.application.step_probe import probe
    from penstock.wiring.cluster import cluster_client

    heard: list[str] = []

    def hear(date: str) -> None:
        heard[:] = [date]

    namespace = settings.namespace or "default"
    visit = Visit(errand.installation, namespace, SystemClock().now, lambda: _moment(heard))
    async with cluster_client(settings, hear_date=hear) as client:
        async for finding in ClusterDoctor(client, visit).findings():
            yield finding
        if errand.probe:
            for finding in await probe(kube_access(client), namespace, new_id()[:8]):
                yield finding


def _moment(heard: list[str]) -> datetime | None:
    try:
        return parsedate_to_datetime(heard[-1]).astimezone(UTC)
    except (IndexError, ValueError):
        return None
