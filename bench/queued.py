"""Thousands of runs that wait for an operator to come, on a node that runs nothing: what Penstock itself gets done."""

from __future__ import annotations

import asyncio
import time

from bench import remembering, shapes, usage
from bench.measuring import RUNS, WORKFLOWS
from bench.simulated_node import LABEL, defaults, simulated_node
from bench.watching import run_ended, watching
from penstock.adapters.kube.client import KubeClient, as_dict
from tests.support.cluster import Cluster

_AT_ONCE = 16
_PATIENCE = 1800.0


async def measure(cluster: Cluster, client: KubeClient, namespace: str, count: int) -> dict[str, float]:
    """Seconds until all have succeeded, and what the operator used; it is stopped while they are created."""
    node = namespace
    (real,) = cluster.read("node", "-l", f"!{LABEL}")["items"]
    (address,) = [each["address"] for each in real["status"]["addresses"] if each["type"] == "InternalIP"]
    workflow = shapes.workflow("queued", [shapes.step("a")])
    workflow["spec"]["podDefaults"] = defaults(node)
    await client.create(WORKFLOWS.format(namespace), workflow, as_dict)
    remembering.scale(cluster, 0)
    places = asyncio.Semaphore(_AT_ONCE)

    async def create(name: str) -> None:
        async with places:
            await client.create(RUNS.format(namespace), shapes.run_of(workflow, name), as_dict)

    async with simulated_node(client, namespace, node, address):
        async with watching(client, RUNS.format(namespace), run_ended) as ends:
            futures = [ends.expect(f"queued-{number}") for number in range(count)]
            await asyncio.gather(*(create(f"queued-{number}") for number in range(count)))
            begun = time.perf_counter()
            remembering.scale(cluster, 1)
            await asyncio.wait_for(asyncio.gather(*futures), _PATIENCE)
            took = time.perf_counter() - begun
        used = usage.operator(cluster)
    return {
        "queued_count": count,
        "queued_seconds": round(took, 1),
        "queued_per_second": round(count / took, 1),
        "queued_cpu_ms_per_step": round(used.cpu_ms / count, 1),
        "queued_rss_mib": round(used.rss_mib, 1),
    }
