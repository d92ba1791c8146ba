"""A node whose programs take their time and end as was rolled; what it deletes it ends in peace first."""

from __future__ import annotations

import asyncio
import copy
import random
from typing import Any

from tests.chaos.history import Program, owner
from tests.chaos.server import ChaosServer
from tests.integration.kube.kubelet import Kubelet, Order

FATES = {"good": 76, "bad": 8, "killed": 3, "silent": 3, "gone": 4, "slow": 6}
"""How often each comes, beside the others."""
_GRACE = 3.0
"""Seconds that a program takes to end when it is asked to."""


class Node(Kubelet):
    """One node."""

    server: ChaosServer

    def __init__(self, server: ChaosServer, seed: str) -> None:
        super().__init__(server)
        self._seed = seed
        self._ending: set[str] = set()

    def order(self, pod: dict[str, Any]) -> Order:
        """The same for the same attempt of the same step, whichever faults there are."""
        notes = pod["metadata"]["annotations"]
        step, attempt, batch = (notes.get(f"penstock.dev/{name}", "") for name in ("step", "attempt", "batch"))
        roll = random.Random(f"{self._seed}/{step}/{attempt}/{batch}")
        fate = roll.choices(list(FATES), weights=list(FATES.values()))[0]
        end, told = asyncio.Event(), asyncio.Event()
        lasts = roll.choice((0.0, 0.3, 2.0, 15.0)) + (60.0 if fate == "slow" else 0.0)
        loop = asyncio.get_running_loop()
        loop.call_later(lasts, end.set)
        loop.call_later(lasts + roll.choice((0.0, 0.5, 1.5)), told.set)
        if fate == "gone":
            loop.call_later(lasts / 2, self._vanish, pod)
        return Order(
            output={"step": step, "attempt": attempt},
            code="OUT_OF_STOCK" if fate == "bad" else "",
            reason="there is none left" if fate == "bad" else "",
            killed_by="OOMKilled" if fate == "killed" else "",
            silent=fate == "silent",
            end=end,
            told=told,
            bad=frozenset({0}) if fate == "bad" else frozenset(),
        )

    def _vanish(self, pod: dict[str, Any]) -> None:
        """The node is lost, and the pod is taken off the books."""
        meta = pod["metadata"]
        found = self.server.objects.get(("pods", meta["namespace"], meta["name"]))
        if found is not None and found["metadata"]["uid"] == meta["uid"] and not _ended(found):
            self.server.remove("pods", meta["name"], meta["namespace"])

    async def _start(self, pod: dict[str, Any]) -> None:
        await super()._start(pod)
        found = self.server.objects.get(("pods", "default", pod["metadata"]["name"]), {})
        order = self.order(pod)
        if found and _ended(found) and "deletionTimestamp" not in found["metadata"]:
            code = order.code or order.killed_by or ("NO_RESULT" if order.silent else "")
            output = None if code else order.output
            self.server.recorded.programs.append(Program(owner(pod), not order.silent, output, code))

    def _take(self, kind: str, pod: dict[str, Any]) -> None:
        meta = pod["metadata"]
        if kind == "MODIFIED" and "deletionTimestamp" in meta and meta["uid"] not in self._ending:
            self._ending.add(meta["uid"])
            asyncio.get_running_loop().call_later(_GRACE, self._end, meta["name"], meta["uid"])
        else:
            super()._take(kind, pod)

    def _end(self, name: str, uid: str) -> None:
        found = self.server.objects.get(("pods", "default", name))
        if found is None or found["metadata"]["uid"] != uid:
            return
        if task := self._running.pop(name, None):
            task.cancel()
        if name in self.server.logs:
            self.server.logs[name].end()
        if not _ended(found):
            found = copy.deepcopy(found)
            state = {"terminated": {"exitCode": 143, "reason": "Error"}}
            found["status"] = {
                **found.get("status", {}),
                "phase": "Failed",
                "containerStatuses": [{"name": "step", "state": state}],
            }
            self.server.set_status("pods", name, found["status"])
        asyncio.get_running_loop().call_later(0.5, self._remove, name, uid)

    def _remove(self, name: str, uid: str) -> None:
        found = self.server.objects.get(("pods", "default", name))
        if found is not None and found["metadata"]["uid"] == uid:
            self.server.remove("pods", name)


def _ended(pod: dict[str, Any]) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
