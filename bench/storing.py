"""Runs that are there without ever having run: copies of a real one with its Job and pod, as the API server keeps them.

What the operator holds in memory does not depend on how they came to be, and the node need not run thousands of pods.
Only the logs of copies that run cannot be followed, for they are on no node.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.measuring import JOBS, PODS, RUNS
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.ports.access import Actor
from tests.support.cluster import OPERATOR

_AT_ONCE = 16
_ASSIGNED = ("nodeName", "serviceAccount", "serviceAccountName", "priority", "preemptionPolicy")
_OF_THE_JOB = ("batch.kubernetes.io/controller-uid", "controller-uid", "batch.kubernetes.io/job-name", "job-name")

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A run of one step, its Job and its pod, as they were read."""

    run: Json
    job: Json
    pod: Json


def run_like(pattern: Pattern, name: str) -> Json:
    """A run with the same spec."""
    spec = {key: value for key, value in pattern.run["spec"].items() if key != "requestedBy"}
    return {**_kind(pattern.run), "metadata": {"name": name}, "spec": spec}


def job_like(pattern: Pattern, name: str, run: Json) -> Json:
    """The same Job of another run."""
    spec = copy.deepcopy(pattern.job["spec"])
    spec.pop("selector", None)
    for label in _OF_THE_JOB:
        spec["template"]["metadata"]["labels"].pop(label, None)
    meta = pattern.job["metadata"]
    labels = {**meta["labels"], "penstock.dev/run": run["metadata"]["name"]}
    spec["template"]["metadata"]["labels"]["penstock.dev/run"] = run["metadata"]["name"]
    owner = _owner(meta, run)
    made = {"name": name, "labels": labels, "annotations": meta["annotations"], "ownerReferences": [owner]}
    return {**_kind(pattern.job), "metadata": made, "spec": spec}


def pod_like(pattern: Pattern, job: Json) -> Json:
    """The same pod of another Job, left alone by every scheduler and so by every node."""
    meta = pattern.pod["metadata"]
    spec = {key: value for key, value in pattern.pod["spec"].items() if key not in _ASSIGNED}
    labels = {name: value for name, value in meta["labels"].items() if name not in _OF_THE_JOB}
    labels |= {"penstock.dev/run": job["metadata"]["labels"]["penstock.dev/run"]}
    made = {"name": job["metadata"]["name"], "labels": labels, "annotations": meta["annotations"]}
    owner = _owner(meta, job)
    return {
        **_kind(pattern.pod),
        "metadata": {**made, "ownerReferences": [owner]},
        "spec": {**spec, "schedulerName": "nobody"},
    }


async def store(client: KubeClient, namespace: str, pattern: Pattern, names: Sequence[str]) -> None:
    """Put runs of these names there, each with its Job and pod. The operator must not be at work."""
    # Status is the operator's to write, and a pod's that of whoever runs pods; admission holds for admins too.
    operator, scheduler = client.acting_as(Actor(OPERATOR)), client.acting_as(Actor("system:kube-scheduler"))
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str) -> None:
        async with places:
            path = RUNS.format(namespace)
            run = await client.create(path, run_like(pattern, name), as_dict)
            await _set_status(operator, f"{path}/{name}", pattern.run["status"])
            body = job_like(pattern, f"{name}-a", run)
            job = await operator.create(JOBS.format(namespace), body, as_dict)
            patch = {"status": pattern.job.get("status", {})}
            await operator.merge_patch(f"{JOBS.format(namespace)}/{name}-a/status", patch, as_dict)
            await operator.create(PODS.format(namespace), pod_like(pattern, job), as_dict)
            status = {name: pattern.pod["status"][name] for name in ("phase", "containerStatuses")}
            await scheduler.merge_patch(f"{PODS.format(namespace)}/{name}-a/status", {"status": status}, as_dict)

    await asyncio.gather(*map(one, names))


async def _set_status(client: KubeClient, path: str, status: Json) -> None:
    await client.json_patch(f"{path}/status", [{"op": "add", "path": "/status", "value": status}], as_dict)


def _kind(item: Json) -> Json:
    return {"apiVersion": item["apiVersion"], "kind": item["kind"]}


def _owner(meta: Json, of: Json) -> Json:
    """The reference to the controller, with another object in its place."""
    (known,) = meta["ownerReferences"]
    return {**known, "name": of["metadata"]["name"], "uid": of["metadata"]["uid"]}
