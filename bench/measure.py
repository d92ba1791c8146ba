"""Taking the samples: one shape after the other, in turn, so that a slow minute of the machine hits all alike."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from bench import shapes
from bench.watching import Ends, pod_ended, run_ended, watching
from penstock.adapters.kube.client import KubeClient, as_dict

SECONDS = 60.0
"""After this long a sample is given up, and with it the benchmark."""

Json = dict[str, Any]


class Bench:
    """A namespace of a cluster with the measured Workflows in it."""

    def __init__(self, client: KubeClient, namespace: str, say: Callable[[str], None]) -> None:
        self._client = client
        self._namespace = namespace
        self._say = say
        self.seconds: dict[str, list[float]] = defaultdict(list)
        """By shape, from POST to the end."""
        self.names: dict[str, list[str]] = defaultdict(list)
        """By shape, the runs behind `seconds`."""

    async def take(self, count: int, *, warm_up: int = 2) -> None:
        """Take `count` samples of every shape."""
        for workflow in shapes.WORKFLOWS.values():
            await self._client.create(self._path("workflows"), workflow, as_dict)
        runs, pods = self._path("workflowruns"), self._core("pods")
        async with (
            watching(self._client, runs, run_ended) as run_ends,
            watching(self._client, pods, pod_ended) as pod_ends,
        ):
            template = await self._a_step_pod(run_ends)
            for number in range(-warm_up, count):
                for shape in shapes.SHAPES:
                    name = f"{shape.replace('_', '-')}-{uuid.uuid4().hex[:6]}"
                    if shape == "bare_pod":
                        seconds = await self._time(pods, shapes.bare_pod(template, name), pod_ends)
                    else:
                        seconds = await self._time(runs, shapes.run(shape, name), run_ends)
                    if number >= 0:
                        self.seconds[shape].append(seconds)
                        self.names[shape].append(name)
                self._say(f"round {number + 1} of {count}")

    async def _a_step_pod(self, ends: Ends) -> Json:
        """The pod of a step that has run, as the pattern of the bare ones."""
        await self._time(self._path("workflowruns"), shapes.run("one_step", "pattern"), ends)
        found = await self._client.get(self._core("pods"), as_dict, {"labelSelector": "penstock.dev/run=pattern"})
        pod: Json = found["items"][0]
        return pod

    async def _time(self, path: str, body: Json, ends: Ends) -> float:
        ended = ends.expect(body["metadata"]["name"])
        start = time.perf_counter()
        await self._client.create(path, body, as_dict)
        async with asyncio.timeout(SECONDS):
            return await ended - start

    def _path(self, plural: str) -> str:
        return f"/apis/penstock.dev/v1alpha1/namespaces/{self._namespace}/{plural}"

    def _core(self, plural: str) -> str:
        return f"/api/v1/namespaces/{self._namespace}/{plural}"
