"""What the operator needs of memory for runs that are there: started anew, beside none and beside thousands."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench import shapes, storing, usage
from bench.measuring import JOBS, PODS, RUNS, WORKFLOWS
from bench.storing import Pattern
from penstock.adapters.kube.client import KubeClient, as_dict
from tests.support.cluster import SYSTEM_NAMESPACE, Cluster, wait_for

_OPERATOR = "deployment/penstock-operator"
_PATIENCE = 180.0
PATTERN = "pattern"
"""Name of a Workflow and of its one run, of which copies are stored."""
_STEADY = 0.5
"""MiB that may come and go while nothing happens."""


async def measure(
    cluster: Cluster, client: KubeClient, namespace: str, finished: int, running: int
) -> dict[str, float]:
    """The operator's memory right after its start, and with so many runs; it is stopped and started for that."""
    workflows = {"one-step": shapes.WORKFLOWS["one_step"], "endless": shapes.ENDLESS}
    for workflow in workflows.values():
        await client.create(WORKFLOWS.format(namespace), workflow, as_dict)
    ended = await _pattern(cluster, client, namespace, workflows["one-step"], lambda run: _phase(run) == "Succeeded")
    alive = await _pattern(cluster, client, namespace, workflows["endless"], _started)
    cluster.kubectl(
        "patch", "-n", namespace, "workflowrun", "endless", "--type=merge", "-p", '{"spec":{"cancel":true}}'
    )
    wait_for(
        lambda: _read(cluster, namespace, "endless")["status"].get("finishedAt"), seconds=_PATIENCE, what="its end"
    )

    empty = _restarted(cluster)
    scale(cluster, 0)
    await storing.store(client, namespace, ended, [f"ended-{number}" for number in range(finished)])
    await storing.store(client, namespace, alive, [f"alive-{number}" for number in range(running)])
    scale(cluster, 1)
    full = settled(cluster)
    runs = (await client.get(RUNS.format(namespace), as_dict))["items"]
    assert sum(_phase(run) == "Running" for run in runs) == running, "copies of running runs did not stay as they were"
    return {"operator_rss_empty_mib": round(empty, 1), "operator_rss_stored_mib": round(full, 1)}


async def finished_pattern(cluster: Cluster, client: KubeClient, namespace: str) -> Pattern:
    """A run of one step that succeeded, under the name PATTERN, to store copies of."""
    workflow = {**shapes.WORKFLOWS["one_step"], "metadata": {"name": PATTERN}}
    await client.create(WORKFLOWS.format(namespace), workflow, as_dict)
    return await _pattern(cluster, client, namespace, workflow, lambda run: _phase(run) == "Succeeded")


async def _pattern(
    cluster: Cluster, client: KubeClient, namespace: str, workflow: dict[str, Any], there: Callable[[Any], bool]
) -> Pattern:
    """A real run, its Job and its pod, once the run is as wanted."""
    name = workflow["metadata"]["name"]
    await client.create(RUNS.format(namespace), shapes.run_of(workflow, name), as_dict)
    wait_for(lambda: there(_read(cluster, namespace, name)), seconds=_PATIENCE, what=f"run {name}")
    chosen = {"labelSelector": f"penstock.dev/run={name}"}
    (job,) = (await client.get(JOBS.format(namespace), as_dict, chosen))["items"]
    (pod,) = (await client.get(PODS.format(namespace), as_dict, chosen))["items"]
    kinds = {"apiVersion": "batch/v1", "kind": "Job"}, {"apiVersion": "v1", "kind": "Pod"}
    return Pattern(_read(cluster, namespace, name), {**job, **kinds[0]}, {**pod, **kinds[1]})


def _read(cluster: Cluster, namespace: str, run: str) -> Any:
    return {"status": {}, **cluster.read("-n", namespace, "workflowrun", run)}


def _phase(run: Any) -> str:
    return str(run.get("status", {}).get("phase", ""))


def _started(run: Any) -> bool:
    return bool(run["status"].get("steps", {}).get("a", {}).get("phase") == "Running")


def _restarted(cluster: Cluster) -> float:
    scale(cluster, 0)
    scale(cluster, 1)
    return settled(cluster)


def scale(cluster: Cluster, replicas: int) -> None:
    """Have so many operators; returns once there are so many, and no more."""
    cluster.kubectl("scale", "-n", SYSTEM_NAMESPACE, _OPERATOR, f"--replicas={replicas}")
    cluster.kubectl("rollout", "status", "-n", SYSTEM_NAMESPACE, _OPERATOR, "--timeout=120s", timeout=130)
    selector = ("-l", "app.kubernetes.io/component=operator")
    wait_for(
        lambda: len(cluster.read("-n", SYSTEM_NAMESPACE, "pods", *selector)["items"]) == replicas,
        seconds=_PATIENCE,
        what=f"{replicas} operators",
    )


def settled(cluster: Cluster) -> float:
    """MiB, once they stay what they are: everything was listed, and each run was looked at."""
    before, same = 0.0, 0
    deadline = time.monotonic() + _PATIENCE
    while same < 3 and time.monotonic() < deadline:
        time.sleep(3)
        now = usage.operator(cluster).rss_mib
        same = same + 1 if abs(now - before) < _STEADY else 0
        before = now
    return before
