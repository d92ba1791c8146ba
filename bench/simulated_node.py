"""A node that runs nothing: it takes pods, says that they ran, and gives the log that their harness would have written.

What is left of a run's time is Penstock's, the API server's and the scheduler's. The API server fetches logs from it
over HTTPS as from any kubelet.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.watching import events_of
from penstock.adapters.kube import labels
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.errors import NotFound, Unavailable
from penstock.ports.access import Actor
from tests.cluster.layout import from_environment

LABEL = "bench.penstock.dev/simulated"
NODES = "/api/v1/nodes"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
_ROOM = 20_000
"""Pods that it takes at once."""
_RENEW_EVERY = 10.0

Json = dict[str, Any]


def defaults(name: str) -> Json:
    """`podDefaults` of Workflows whose steps are to run here."""
    toleration = {"key": LABEL, "operator": "Exists", "effect": "NoSchedule"}
    return {"nodeSelector": {LABEL: name}, "tolerations": [toleration]}


@asynccontextmanager
async def simulated_node(client: KubeClient, namespace: str, name: str, address: str) -> AsyncIterator[None]:
    """A node of that name for the pods of a namespace; `address` is that of the test cluster's own node."""
    node = _Node(client, namespace, name)
    runner = web.AppRunner(node.app())
    await runner.setup()
    site = web.TCPSite(runner, "0.0.0.0", 0, ssl_context=_as_kubelet(from_environment().pki))
    await site.start()
    await client.create(NODES, _body(name), as_dict)
    await client.merge_patch(f"{NODES}/{name}/status", _status(address, runner.addresses[0][1]), as_dict)
    tasks = [asyncio.create_task(node.renew()), asyncio.create_task(node.follow())]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await client.delete(f"{NODES}/{name}", {})
        await runner.cleanup()


class _Node:
    def __init__(self, client: KubeClient, namespace: str, name: str) -> None:
        self._client = client
        # A pod's status is the node's to write; admission holds for admins too.
        self._writer = client.acting_as(Actor("system:kube-scheduler"))
        self._pods = f"/api/v1/namespaces/{namespace}/pods"
        self._name = name
        self._nonces: dict[str, str] = {}
        self._running: set[asyncio.Task[None]] = set()

    def app(self) -> web.Application:
        """What the API server asks a kubelet for."""
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._log)
        return app

    async def renew(self) -> None:
        """Say that the node is alive, without end."""
        spec = {"holderIdentity": self._name, "leaseDurationSeconds": 40}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": self._name}}
        await self._client.create(LEASES, {**body, "spec": {**spec, "renewTime": _now()}}, as_dict)
        while True:
            await asyncio.sleep(_RENEW_EVERY)
            with contextlib.suppress(Unavailable):
                await self._client.merge_patch(f"{LEASES}/{self._name}", {"spec": {"renewTime": _now()}}, as_dict)

    async def follow(self) -> None:
        """Run what is bound to this node, without end."""
        while True:
            params = {"watch": "true", "fieldSelector": f"spec.nodeName={self._name}"}
            with contextlib.suppress(Unavailable):
                async with self._client.stream(self._pods, params) as chunks:
                    async for event in events_of(chunks):
                        if event["type"] == "ADDED" and event["object"]["metadata"]["name"] not in self._nonces:
                            self._take(event["object"])

    def _take(self, pod: Json) -> None:
        meta = pod["metadata"]
        self._nonces[meta["name"]] = meta["annotations"][labels.NONCE]
        task = asyncio.create_task(self._run(meta["name"], pod["spec"]["containers"][0]))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, pod: str, container: Json) -> None:
        begun = _now(seconds=True)
        running = {"running": {"startedAt": begun}}
        ended = {"terminated": {"exitCode": 0, "reason": "Completed", "startedAt": begun, "finishedAt": begun}}
        for phase, state in (("Running", running), ("Succeeded", ended)):
            status = {"name": container["name"], "image": container["image"], "imageID": "", "restartCount": 0}
            ready = phase == "Running"
            told = {**status, "ready": ready, "started": ready, "state": state}
            patch = {"status": {"phase": phase, "containerStatuses": [told]}}
            with contextlib.suppress(NotFound):
                await self._writer.merge_patch(f"{self._pods}/{pod}/status", patch, as_dict)

    async def _log(self, request: web.Request) -> web.Response:
        usage = {"wallSeconds": 0.01, "cpuSeconds": 0.01, "peakRssBytes": 1}
        fields = {"version": 1, "exitCode": 0, "signal": None, "usage": usage, "output": {"answer": 42}}
        return web.Response(text=f"\x1ePENSTOCK/1 {self._nonces[request.match_info['pod']]} {json.dumps(fields)}\n")


def _body(name: str) -> Json:
    taint = {"key": LABEL, "value": name, "effect": "NoSchedule"}
    metadata = {"name": name, "labels": {LABEL: name, "kubernetes.io/hostname": name}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": [taint]}}


def _status(address: str, port: int) -> Json:
    room = {"cpu": "10000", "memory": "100Ti", "ephemeral-storage": "100Ti", "pods": str(_ROOM)}
    now = _now(seconds=True)
    ready = {"type": "Ready", "status": "True", "reason": "Simulated", "message": "it runs nothing"}
    return {
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "conditions": [{**ready, "lastHeartbeatTime": now, "lastTransitionTime": now}],
        }
    }


def _as_kubelet(pki: Path) -> ssl.SSLContext:
    """The certificate of the machine's real kubelet: the API server asks nobody that it does not know."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "kubelet-server.crt", pki / "kubelet-server.key")
    return context


def _now(*, seconds: bool = False) -> str:
    text = datetime.now(UTC).isoformat(timespec="seconds" if seconds else "microseconds")
    return text.replace("+00:00", "Z")
