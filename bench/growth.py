"""How long a one-step run takes beside 10 and beside 5,000 that are stored; a bare pod beside each, as the floor."""

from __future__ import annotations

from collections.abc import Sequence

from bench import remembering, shapes, storing
from bench.figures import percentile
from bench.measuring import bench
from penstock.adapters.kube.client import KubeClient
from tests.support.cluster import Cluster

MEASURED = ("bare_pod", "one_step")


async def measure(
    cluster: Cluster, client: KubeClient, namespace: str, levels: Sequence[int], count: int
) -> dict[str, float]:
    """`growth_<stored>_p50_ms` and the like for each level; the operator is stopped while runs are stored."""
    found: dict[str, float] = {}
    async with bench(client, namespace) as place:
        await place.prepare()
    pattern = await remembering.finished_pattern(cluster, client, namespace)
    there = 0
    for level in sorted(levels):
        remembering.scale(cluster, 0)
        await storing.store(client, namespace, pattern, [f"stored-{number}" for number in range(there, level)])
        there = level
        remembering.scale(cluster, 1)
        found[f"growth_{level}_rss_mib"] = round(remembering.settled(cluster), 1)
        samples: dict[str, list[float]] = {shape: [] for shape in MEASURED}
        async with bench(client, namespace) as place:
            await place.take_pattern(remembering.PATTERN)
            for number in range(count):
                for shape in shapes.rotated(MEASURED, number):
                    samples[shape].append(await place.measure(shape, f"beside-{level}-{number}"))
        found[f"growth_{level}_p50_ms"] = round(percentile(samples["one_step"], 0.5) * 1000, 1)
        found[f"growth_{level}_bare_p50_ms"] = round(percentile(samples["bare_pod"], 0.5) * 1000, 1)
        found[f"growth_{level}_count"] = count
    return found
