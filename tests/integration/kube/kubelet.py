"""A node for the fault server: runs each pod of a step the way a test ordered it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

from tests.integration.kube.api_server import ApiServer, Log


@dataclass
class Order:
    """What a step's program does."""

    output: Any = None
    prints: str = ""
    code: str = ""
    reason: str = ""
    silent: bool = False
    """It ends without a record."""
    exit_code: int = 0
    end: asyncio.Event | None = None
    """It runs until this is set; at once without one."""
    then: str = ""
    """Printed after that."""
    waiting: dict[str, str] | None = None
    """Its container never starts, and says this."""
    unscheduled: str = ""
    """No node takes it, and the scheduler says this."""
    killed_by: str = ""
    """Its program is killed, and this is the reason of its container's end."""
    message: str = ""
    """What its container leaves as its termination message; such a container has no harness."""
    dies_at: int | None = None
    """Its harness is killed for want of memory while this item runs."""
    bad: frozenset[int] = frozenset()
    """Items that fail."""
    told: asyncio.Event | None = None
    """Its end is told of once this is set; at once without one."""


def item_records(document: dict[str, Any], order: Order) -> bytes:
    """What the harness says of each item: as output the item itself, in a list."""
    lines = []
    for each in document["items"]:
        index = each["index"]
        if index == order.dies_at:
            break
        fields: dict[str, Any] = {"index": index, "output": [each["value"]]}
        if index in order.bad:
            fields = {"index": index, "error": {"code": "BAD_ROW", "reason": f"row {index}"}}
        lines.append(f"\x1ePENSTOCK-ITEM/1 {document['nonce']} {json.dumps(fields)}\n")
    return "".join(lines).encode()


def record(nonce: str, order: Order) -> bytes:
    """The harness's last line."""
    fields: dict[str, Any] = {
        "version": 1,
        "exitCode": None if order.killed_by else 1 if order.code else 0,
        "signal": "SIGKILL" if order.killed_by else None,
        "usage": {"wallSeconds": 0.1, "cpuSeconds": 0.1, "peakRssBytes": 1},
    }
    if order.killed_by:
        fields["error"] = {"code": "SIGNALLED", "reason": "the script was ended by SIGKILL."}
    elif order.code:
        fields["error"] = {"code": order.code, "reason": order.reason}
    elif order.output is not None:
        fields["output"] = order.output
    return f"\x1ePENSTOCK/1 {nonce} {json.dumps(fields)}\n".encode()


@dataclass
class Kubelet:
    """One node."""

    server: ApiServer
    orders: dict[str, Order] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)
    """Names of the pods whose container was started."""
    items: dict[str, list[int]] = field(default_factory=dict)
    """By pod: the items that it was given."""
    deaf_to: set[str] = field(default_factory=set)
    """Names of Jobs and pods that are none of this node's business."""
    _running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def run(self) -> None:
        """Run pods, without end."""
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        self.server.watchers.add(queue)
        try:
            while True:
                event = await queue.get()
                if event is None or event["object"].get("metadata", {}).get("name") in self.deaf_to:
                    continue
                if event.get("plural") == "pods":
                    self._take(event["type"], event["object"])
                elif event.get("plural") == "jobs" and event["type"] == "ADDED":
                    self._control(event["object"])
        finally:
            self.server.watchers.discard(queue)
            for task in self._running.values():
                task.cancel()

    def _take(self, kind: str, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        if kind == "ADDED":
            self._running[name] = asyncio.create_task(self._start(pod))
        elif kind == "DELETED" and name in self._running:
            self._running.pop(name).cancel()
            if name in self.server.logs:
                self.server.logs[name].end()

    def _control(self, job: dict[str, Any]) -> None:
        """As the built-in Job controller: make the pod of a Job that nobody else manages."""
        if "managedBy" in job["spec"]:
            return
        meta, template = job["metadata"], job["spec"]["template"]
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"], "controller": True}
        own = {"name": f"{meta['name']}-x7k2p", "namespace": meta["namespace"], "ownerReferences": [owner]}
        labels = {**template["metadata"]["labels"], "batch.kubernetes.io/job-name": meta["name"]}
        pod = {"metadata": {**template["metadata"], **own, "labels": labels}, "spec": template["spec"]}
        self.server.put("pods", pod)

    def order(self, pod: dict[str, Any]) -> Order:
        """What the pod's program does."""
        return self.orders.get(pod["metadata"]["annotations"]["penstock.dev/step"], Order())

    async def _start(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        notes = pod["metadata"]["annotations"]
        order = self.order(pod)
        if order.unscheduled:
            condition = {"type": "PodScheduled", "status": "False", "message": order.unscheduled}
            self.server.set_status("pods", name, {"phase": "Pending", "conditions": [condition]})
            return
        if order.waiting is not None:
            self._report(name, "Pending", {"waiting": order.waiting})
            return
        log = self.server.logs[name] = Log()
        self.started.append(name)
        self._report(name, "Running", {"running": {"startedAt": "2026-01-02T12:00:01Z"}})
        log.write(order.prints.encode())
        if order.end is not None:
            await order.end.wait()
        log.write(order.then.encode())
        document = {} if "penstock.dev/output-from" in notes else self._document(pod)
        if "items" in document:
            order = self._run_items(name, document, order)
        if not order.silent and document:
            log.write(record(document["nonce"], order))
        log.end()
        exit_code = order.exit_code or (137 if order.killed_by else 1 if order.code else 0)
        if order.told is not None:
            await order.told.wait()
        end = {"exitCode": exit_code, "reason": order.killed_by, "message": order.message}
        self._report(name, "Failed" if exit_code else "Succeeded", {"terminated": end})

    def _run_items(self, name: str, document: dict[str, Any], order: Order) -> Order:
        """Say what became of the items; what is left to order is how the attempt as a whole ends."""
        given = {each["index"] for each in document["items"]}
        self.items[name] = sorted(given)
        self.server.logs[name].write(item_records(document, order))
        if order.dies_at in given:
            return Order(silent=True, exit_code=137, killed_by="OOMKilled")
        return Order(code="ITEMS_FAILED", reason="some failed") if given & order.bad else Order()

    def _document(self, pod: dict[str, Any]) -> dict[str, Any]:
        text = pod["metadata"]["annotations"].get("penstock.dev/document")
        if text is None:
            sources = pod["spec"]["volumes"][0]["projected"]["sources"]
            maps = [self.server.get("configmaps", source["configMap"]["name"]) for source in sources]
            text = "".join(value for each in maps for value in each["data"].values())
        document: dict[str, Any] = json.loads(text)
        return document

    def _report(self, name: str, phase: str, state: dict[str, Any]) -> None:
        status = {
            "phase": phase,
            "startTime": "2026-01-02T12:00:00Z",
            "conditions": [{"type": "PodScheduled", "status": "True"}],
            "containerStatuses": [{"name": "step", "state": state}],
        }
        with contextlib.suppress(KeyError):
            self.server.set_status("pods", name, status)
