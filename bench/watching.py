"""One watch over one kind in one namespace, and the moment at which each object came to its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.errors import Unavailable

Ended = Callable[[dict[str, Any]], bool]
"""Whether an object has come to its end; raises where that is no end that can be measured."""


class Ends:
    """Moments (of `time.perf_counter`) at which objects were first seen, and first seen ended."""

    def __init__(self, ended: Ended) -> None:
        self._ended = ended
        self._moments: dict[str, asyncio.Future[float]] = {}
        self.seen: dict[str, float] = {}
        """By name: when the first event about it came."""

    def expect(self, name: str) -> asyncio.Future[float]:
        """A future that holds the moment when the object of that name has ended, or why it cannot be measured."""
        return self._moments.setdefault(name, asyncio.get_running_loop().create_future())

    def see(self, item: dict[str, Any]) -> None:
        """Take one watch event's object."""
        now = time.perf_counter()
        self.seen.setdefault(item["metadata"]["name"], now)
        future = self._moments.get(item["metadata"]["name"])
        if future is None or future.done():
            return
        try:
            if self._ended(item):
                future.set_result(now)
        except RuntimeError as reason:
            future.set_exception(reason)


@asynccontextmanager
async def watching(client: KubeClient, path: str, ended: Ended) -> AsyncIterator[Ends]:
    """Watch a collection until the block ends."""
    ends = Ends(ended)
    version = await _version(client, path)
    task = asyncio.create_task(_follow(client, path, version, ends))
    try:
        yield ends
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _version(client: KubeClient, path: str) -> str:
    listed = await client.get(path, as_dict, {"limit": "1"})
    version: str = listed["metadata"]["resourceVersion"]
    return version


async def _follow(client: KubeClient, path: str, version: str, ends: Ends) -> None:
    while True:
        params = {"watch": "true", "resourceVersion": version}
        # The server ends every watch after some minutes.
        with contextlib.suppress(Unavailable):
            async with client.stream(path, params) as chunks:
                async for event in events_of(chunks):
                    if event["type"] == "ERROR":
                        version = await _version(client, path)
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    ends.see(event["object"])


async def events_of(chunks: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The events of a watch."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield json.loads(line)


def run_ended(run: dict[str, Any]) -> bool:
    """A WorkflowRun is finished; any end but success is none that can be measured."""
    phase = run.get("status", {}).get("phase", "Pending")
    if phase in ("Failed", "Cancelled", "TimedOut"):
        raise RuntimeError(f"run {run['metadata']['name']} ended {phase}: {run['status'].get('error')}")
    return bool(phase == "Succeeded")


def job_ended(job: dict[str, Any]) -> bool:
    """The Job is complete; a failed one is no end that can be measured."""
    conditions = job.get("status", {}).get("conditions") or []
    holding = {each["type"] for each in conditions if each["status"] == "True"}
    if "Failed" in holding:
        raise RuntimeError(f"Job {job['metadata']['name']} failed")
    return "Complete" in holding


def pod_ended(pod: dict[str, Any]) -> bool:
    """The pod's only container is seen terminated; any exit code but 0 is no end that can be measured."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    ends = [status["state"]["terminated"] for status in statuses if "terminated" in status.get("state", {})]
    if any(end["exitCode"] for end in ends):
        raise RuntimeError(f"pod {pod['metadata']['name']} ended with exit code {ends[0]['exitCode']}")
    return bool(ends)
