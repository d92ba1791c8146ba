"""A fixed part of `make chaos-cluster`: plays of faults on the real cluster end without a violation."""

from __future__ import annotations

import asyncio

import pytest

from tests.chaos import faults as schedules
from tests.chaos.faults import Kind
from tests.chaos.real.api import way_to
from tests.chaos.real.play import Outcome, play
from tests.chaos.real.site import Site
from tests.support.cluster import Cluster
from tests.support.host_operator import OperatorConfig

SEEDS = (3, 13)
KINDS = [kind for kind in Kind if kind is not Kind.STOPPED]
"""Of the last play; that a replica is stopped and woken is in test_replicas.py."""


def played(cluster: Cluster, config: OperatorConfig, *plays: tuple[int, str | None]) -> list[Outcome]:
    """All at once: each has a namespace and operators of its own."""

    async def each() -> list[Outcome]:
        async with way_to(cluster) as way:
            site = Site(cluster, way, config)
            chosen = [(seed, None if text is None else schedules.read(text)) for seed, text in plays]
            return list(await asyncio.gather(*(play(site, seed, faults) for seed, faults in chosen)))

    return asyncio.run(each())


@pytest.mark.timeout(580, func_only=True)
def test_nothing_is_violated(cluster: Cluster, config: OperatorConfig) -> None:
    every_kind = ",".join(f"{number}:{kind}:2.0" for number, kind in enumerate(KINDS, start=12))
    outcomes = played(cluster, config, *((seed, None) for seed in SEEDS), (1, every_kind))
    for outcome in outcomes:
        assert outcome.violations == [], f"seed {outcome.seed}\n{outcome.logs}"
    assert set(outcomes[-1].injected) == set(KINDS)
    assert all(outcome.history.last("workflowruns") == [] for outcome in outcomes)
