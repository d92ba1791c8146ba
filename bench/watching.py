"""One watch over one kind in one namespace, and the moment at which each object came to its end."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from penstock.adapters.kube.client import KubeClient, as_dict

Ended = Callable[[dict[str, Any]], bool]


class Ends:
    """Moments (of `time.perf_counter`) at which objects were first seen ended."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._moments: dict[str, asyncio.Future[float]] = {}

    def expect(self, name: str) -> asyncio.Future[float]:
        """A future that holds the moment when the object of that name has ended."""
        return self._moments.setdefault(name, asyncio.get_running_loop().create_future())

    def see(self, item: dict[str, Any]) -> None:
        """Take one watch event's object."""
        future = self._moments.get(item["metadata"]["name"])
        if future is not None and not future.done() and self._ended(item):
            future.set_result(time.perf_counter())


@asynccontextmanager
async def watching(client: KubeClient, path: str, ended: Ended) -> AsyncIterator[Ends]:
    """Watch a collection until the block ends."""
    ends = Ends(ended)
    version = (await client.get(path, as_dict, {"limit": "1"}))["metadata"]["resourceVersion"]
    task = asyncio.create_task(_follow(client, path, version, ends))
    try:
        yield ends
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _follow(client: KubeClient, path: str, version: str, ends: Ends) -> None:
    while True:
        params = {"watch": "true", "resourceVersion": version}
        async with client.stream(path, params) as chunks:
            rest = b""
            async for chunk in chunks:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    version = event["object"]["metadata"]["resourceVersion"]
                    ends.see(event["object"])


def run_ended(run: dict[str, Any]) -> bool:
    """A WorkflowRun is finished; anything but success ends the measurement with an error."""
    phase = run.get("status", {}).get("phase", "Pending")
    if phase in ("Failed", "Cancelled", "TimedOut"):
        raise RuntimeError(f"run {run['metadata']['name']} ended {phase}: {run['status'].get('error')}")
    return bool(phase == "Succeeded")


def pod_ended(pod: dict[str, Any]) -> bool:
    """The pod's only container is seen terminated."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return any("terminated" in status.get("state", {}) for status in statuses)
