"""The same shapes as Workflows of Argo, in a namespace that its controller watches: optional, for comparison."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench import shapes
from bench.watching import Ends, watching
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.errors import NotFound
from tests.support.cluster import Cluster

SHAPES = {"argo_one_step": "one_step", "argo_chain3": "chain3", "argo_fanout10": "fanout10"}
"""By name: the shape of ours that has the same steps."""
ROUGHLY = {"argo_one_step": 10, "argo_chain3": 30, "argo_fanout10": 20}
"""Seconds that one measurement takes with the controller's settings as they are when nobody changes them."""
COMMAND = ("python3", "-I", "-S", "/opt/penstock/harness/__main__.py")
"""What the image of Python steps runs. Argo asks a registry for that where a container does not say it."""
KIND = "workflows.argoproj.io"
PATIENCE = 300.0
"""Seconds after which a measurement is given up."""
_WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/{}/workflows"
_PODS = "/api/v1/namespaces/{}/pods"
_LABELS = {"bench": "argo"}
_OURS = {"labelSelector": "bench=argo"}
_LOOK_EVERY = 0.1


class Argo:
    """A namespace that a controller of Argo Workflows watches."""

    def __init__(self, client: KubeClient, namespace: str, ends: Ends) -> None:
        """`ends` of Workflows."""
        self._client = client
        self._namespace = namespace
        self._workflows, self._pods = _WORKFLOWS.format(namespace), _PODS.format(namespace)
        self._ends = ends
        self.version = ""
        """Of Argo's executor, once something was measured."""

    async def measure(self, shape: str, name: str, pod: dict[str, Any]) -> float:
        """Seconds from sending the Workflow to seeing that it succeeded; `pod` is the one of a step of ours.

        RuntimeError when it failed, or when nobody brought it to an end.
        """
        end = self._ends.expect(name)
        begun = time.perf_counter()
        await self._client.create(self._workflows, workflow(shape, name, pod), as_dict)
        try:
            seconds = await asyncio.wait_for(end, PATIENCE) - begun
        except TimeoutError:
            where = f"Argo's Workflow {name} in namespace {self._namespace}"
            raise RuntimeError(f"{where} did not end; does a controller watch the namespace?") from None
        if not self.version:
            self.version = executor_version((await self._client.get(self._pods, as_dict, _OURS))["items"])
        return seconds

    async def clear(self) -> None:
        """Remove what was measured, and wait until its pods are gone."""
        for item in (await self._client.get(self._workflows, as_dict, _OURS))["items"]:
            with contextlib.suppress(NotFound):
                path = f"{self._workflows}/{item['metadata']['name']}"
                await self._client.delete(path, {"propagationPolicy": "Background"})
        async with asyncio.timeout(PATIENCE):
            while True:
                if not (await self._client.get(self._pods, as_dict, _OURS))["items"]:
                    return
                await asyncio.sleep(_LOOK_EVERY)


@asynccontextmanager
async def argo(client: KubeClient, namespace: str) -> AsyncIterator[Argo]:
    """The namespace with the watch that sees the ends; nothing measured is in it before and afterwards."""
    async with watching(client, _WORKFLOWS.format(namespace), workflow_ended) as ends:
        place = Argo(client, namespace, ends)
        # What an interrupted run left has the names that this one gives.
        await place.clear()
        try:
            yield place
        finally:
            await place.clear()


def missing(cluster: Cluster, namespace: str) -> str:
    """What is not there and has to be; empty where nothing is missing."""
    for what, name in (("namespace", namespace), ("customresourcedefinition", KIND)):
        answer = cluster.kubectl("get", what, name, check=False)
        if answer.returncode:
            return f"Argo Workflows cannot be measured: there is no {what} {name}: {answer.stderr.strip()}"
    return ""


def workflow(shape: str, name: str, pod: dict[str, Any]) -> dict[str, Any]:
    """Argo's Workflow with the steps of a shape; each runs what this pod of a step runs, as the bare pod does. Pure."""
    steps = shapes.WORKFLOWS[SHAPES[shape]]["spec"]["steps"]
    program = _template(pod)
    entry: dict[str, Any] = program
    templates = [program]
    if len(steps) > 1:
        tasks = [
            {"name": step["name"], "template": program["name"], "dependencies": step.get("needs", [])} for step in steps
        ]
        entry = {"name": "steps", "dag": {"tasks": tasks}}
        templates.append(entry)
    spec = {"entrypoint": entry["name"], "dnsPolicy": pod["spec"]["dnsPolicy"], "templates": templates}
    metadata = {"name": name, "labels": _LABELS}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}


def _template(pod: dict[str, Any]) -> dict[str, Any]:
    """The pod's container, and what its pod says of it."""
    [container] = pod["spec"]["containers"]
    container = {key: value for key, value in container.items() if key != "name"}
    return {
        "name": "program",
        "metadata": {"labels": _LABELS, "annotations": pod["metadata"].get("annotations", {})},
        "securityContext": pod["spec"].get("securityContext", {}),
        "container": {"command": list(COMMAND), **container},
        "volumes": pod["spec"].get("volumes", []),
    }


def workflow_ended(item: dict[str, Any]) -> bool:
    """The Workflow succeeded; any other end is none that can be measured."""
    status = item.get("status", {})
    phase = status.get("phase", "")
    if phase in ("Failed", "Error"):
        raise RuntimeError(f"Argo's Workflow {item['metadata']['name']} ended {phase}: {status.get('message')}")
    return bool(phase == "Succeeded")


def executor_version(pods: list[dict[str, Any]]) -> str:
    """The tag of the executor's image, which is beside the program in each pod; all of its name if it has no tag."""
    containers = (each for pod in pods for each in pod["spec"]["containers"])
    image = next((each["image"] for each in containers if each["name"] == "wait"), "")
    tag: str = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
    return tag or image
