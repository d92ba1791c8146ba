"""One measurement after the other in one namespace: create, wait for its end, let everything come to rest."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from bench import shapes
from bench.argo import SHAPES as OF_ARGO
from bench.argo import Argo, argo
from bench.watching import Ends, job_ended, pod_ended, run_ended, watching
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.errors import AlreadyExists, InvalidInput, NotFound, Unavailable
from penstock.ports.access import Actor
from tests.support.cluster import RELEASE

RUNS = "/apis/penstock.dev/v1alpha1/namespaces/{}/workflowruns"
WORKFLOWS = "/apis/penstock.dev/v1alpha1/namespaces/{}/workflows"
PODS = "/api/v1/namespaces/{}/pods"
JOBS = "/apis/batch/v1/namespaces/{}/jobs"
GATES = "/apis/penstock.dev/v1alpha1/namespaces/{}/approvalrequests"
ROLE_BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
PATIENCE = 300.0
"""Seconds after which a measurement is given up."""
_LOOK_EVERY = 0.1

Items = list[dict[str, Any]]
Params = Mapping[str, str] | None


class Bench:
    """A namespace with the Workflows in it."""

    def __init__(self, client: KubeClient, namespace: str, ends: Mapping[str, Ends], beside: Argo | None) -> None:
        """`ends` of runs, pods and Jobs; `beside`: where the same is measured with Argo Workflows, if it is."""
        self._client = client
        self._namespace = namespace
        self._ends = ends
        self._beside = beside
        self._pod: dict[str, Any] = {}
        self._random = random.Random(0)
        self.names: dict[str, list[str]] = {shape: [] for shape in shapes.WORKFLOWS}
        """Names of the measured runs by shape."""

    async def prepare(self) -> None:
        """Create the Workflows, run each once, and take a step's pod as the pattern of the bare one."""
        with contextlib.suppress(AlreadyExists):
            await self._client.create(self._path(ROLE_BINDINGS), _approver(), as_dict)
        for workflow in shapes.WORKFLOWS.values():
            with contextlib.suppress(AlreadyExists):
                await self._client.create(self._path(WORKFLOWS), workflow, as_dict)
        for name, workflow in shapes.WORKFLOWS.items():
            await self._ready(workflow["metadata"]["name"])
            if name not in (*shapes.MANY, *shapes.CROWDED, "gate"):
                await self._run(name, f"{name.replace('_', '-')}-warm")
        await self.take_pattern("one-step-warm")
        await self.measure("bare_pod", "warm")
        if self._beside:
            await self.measure("argo_one_step", "warm")
        await self.clear()

    async def take_pattern(self, run: str) -> None:
        """Take the pod of this run's step as the pattern of the bare one."""
        pods = await self._client.get(self._path(PODS), as_dict, {"labelSelector": f"penstock.dev/run={run}"})
        self._pod = pods["items"][0]

    async def measure(self, shape: str, number: str) -> float:
        """Seconds from sending the request to seeing the end; returns once the node has nothing of it left to do."""
        # A kubelet looks at its containers once a second; what begins at rest would begin at the same point each time.
        await asyncio.sleep(self._random.random())
        name = f"{shape.replace('_', '-')}-{number}"
        if shape in shapes.PODS:
            pods = [shapes.bare_pod(self._pod, f"{name}-{index}") for index in range(shapes.PODS[shape])]
            return await self._all("pod", PODS, pods)
        if self._beside and shape in OF_ARGO:
            return await self._beside.measure(shape, name, self._pod)
        if shape == "job":
            return await self._timed("job", JOBS, shapes.bare_job(self._pod, name))
        if shape == "followed_log":
            return await self._followed(shapes.bare_pod(self._pod, name))
        if shape == "gate":
            return await self._gate(name)
        if shape in shapes.CROWD:
            return await self._crowd([f"{name}-{index}" for index in range(shapes.CROWD[shape])])
        self.names[shape].append(name)
        return await self._run(shape, name)

    def versions(self) -> dict[str, str]:
        """Of what was measured beside ours, by name."""
        return {"argo": self._beside.version} if self._beside else {}

    async def clear(self) -> None:
        """Remove what was measured, and wait until it is gone: a node full of ended pods is slower."""
        background = {"propagationPolicy": "Background", "gracePeriodSeconds": 0}
        for collection in (RUNS, JOBS, PODS):
            path = self._path(collection)
            for item in (await self._client.get(path, as_dict))["items"]:
                with contextlib.suppress(NotFound):
                    if "ownerReferences" not in item["metadata"]:
                        await self._client.delete(f"{path}/{item['metadata']['name']}", background)
        for collection in (JOBS, PODS):
            await self._until(collection, lambda items: not items)
        if self._beside:
            await self._beside.clear()

    async def _run(self, shape: str, name: str) -> float:
        seconds = await self._timed("run", RUNS, shapes.run(shape, name))
        await self._at_rest(name)
        return seconds

    async def _gate(self, run: str) -> float:
        """Seconds from sending the vote to seeing the pod of the step behind the gate."""
        end = self._ends["run"].expect(run)
        self.names["gate"].append(run)
        await self._client.create(self._path(RUNS), shapes.run("gate", run), as_dict)
        asked: Items = []

        def waits(gates: Items) -> bool:
            asked[:] = [gate for gate in gates if gate["spec"]["request"]["run"]["name"] == run]
            return bool(asked)

        await self._until(GATES, waits)
        name, digest = asked[0]["metadata"]["name"], asked[0]["spec"]["request"]["digest"]
        vote = {"by": shapes.VOTER, "verdict": "approve", "digest": digest}
        voter = self._client.acting_as(Actor(shapes.VOTER))
        await asyncio.sleep(0.5)  # what writing the question set off is over
        begun = time.perf_counter()
        await voter.merge_patch(f"{self._path(GATES)}/{name}", {"spec": {"decisions": [vote]}}, as_dict)
        await asyncio.wait_for(end, PATIENCE)
        await self._at_rest(run)
        return min(at for pod, at in self._ends["pod"].seen.items() if pod.startswith(f"{run}-a-")) - begun

    async def _followed(self, pod: dict[str, Any]) -> float:
        """Seconds until the last line of the pod's log was read, followed from its first moment on."""
        name, begun = pod["metadata"]["name"], time.perf_counter()
        end = self._ends["pod"].expect(name)
        await self._client.create(self._path(PODS), pod, as_dict)
        read = await asyncio.wait_for(self._last_line(name), PATIENCE) - begun
        await asyncio.wait_for(end, PATIENCE)
        return read

    async def _last_line(self, pod: str) -> float:
        while True:
            # Refused while there is no container.
            with contextlib.suppress(InvalidInput, NotFound, Unavailable):
                async with self._client.stream(f"{self._path(PODS)}/{pod}/log", {"follow": "true"}) as chunks:
                    async for chunk in chunks:
                        if b"PENSTOCK/1" in chunk:
                            return time.perf_counter()
            await asyncio.sleep(0.005)

    async def _crowd(self, names: Sequence[str]) -> float:
        seconds = await self._all("run", RUNS, [shapes.run("one_step", name) for name in names])
        for name in names:
            await self._at_rest(name)
        return seconds

    async def _all(self, kind: str, collection: str, bodies: Sequence[dict[str, Any]]) -> float:
        """Seconds until the last of them has ended."""
        return max(await asyncio.gather(*(self._timed(kind, collection, body) for body in bodies)))

    async def _timed(self, kind: str, collection: str, body: dict[str, Any]) -> float:
        end = self._ends[kind].expect(body["metadata"]["name"])
        begun = time.perf_counter()
        await self._client.create(self._path(collection), body, as_dict)
        return await asyncio.wait_for(end, PATIENCE) - begun

    async def _at_rest(self, run: str) -> None:
        """Its pods have ended and its Jobs are closed."""
        selector = {"labelSelector": f"penstock.dev/run={run}"}
        await self._until(JOBS, lambda jobs: all(job["status"].get("completionTime") for job in jobs), selector)

    async def _ready(self, workflow: str) -> None:
        def ready(workflows: Items) -> bool:
            named = (item for item in workflows if item["metadata"]["name"] == workflow)
            conditions = (each for item in named for each in item.get("status", {}).get("conditions", ()))
            return any(each["status"] == "True" for each in conditions)

        await self._until(WORKFLOWS, ready)

    async def _until(self, collection: str, holds: Callable[[Items], bool], params: Params = None) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                if holds((await self._client.get(self._path(collection), as_dict, params))["items"]):
                    return
                await asyncio.sleep(_LOOK_EVERY)

    def _path(self, collection: str) -> str:
        return collection.format(self._namespace)


@asynccontextmanager
async def bench(client: KubeClient, namespace: str, argo_namespace: str = "") -> AsyncIterator[Bench]:
    """A namespace to measure in, with the watches that see the ends; with another one, Argo Workflows in that too."""
    async with AsyncExitStack() as stack:
        watched = {"run": (RUNS, run_ended), "pod": (PODS, pod_ended), "job": (JOBS, job_ended)}
        ends = {
            kind: await stack.enter_async_context(watching(client, path.format(namespace), ended))
            for kind, (path, ended) in watched.items()
        }
        beside = await stack.enter_async_context(argo(client, argo_namespace)) if argo_namespace else None
        yield Bench(client, namespace, ends, beside)


def _approver() -> dict[str, Any]:
    """Lets somebody other than who asks for runs open their gates."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "bench-approver"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": f"{RELEASE}-approver"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": shapes.VOTER}],
    }
