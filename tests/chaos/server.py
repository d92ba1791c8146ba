"""The fault server with what else an API server and its controllers do: owners, finalizers, what may not change.

It writes down every change for the checker, and meets the requests of operators with the faults of a schedule.
It does not refuse what only the rules of our own kinds refuse: then the checker would never see it.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import random
from collections import Counter
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from typing import Any

from aiohttp import web

from tests.chaos.faults import Fault, Kind
from tests.chaos.history import LATE, Change, History, Vote
from tests.chaos.refusing import REFUSALS, UNCOUNTED, hang_up, refusal, status
from tests.chaos.virtual_time import Time
from tests.integration.kube.admission import Denied
from tests.integration.kube.api_server import ApiServer, Target

WHO: ContextVar[str] = ContextVar("WHO", default="world")
_FIXED = {
    "jobs": ("spec",),
    "pods": ("spec",),
    "configmaps": ("data", "immutable"),
    "controllerrevisions": ("data",),
    "workflowruns": ("spec.workflow", "spec.inline", "spec.context", "spec.requestedBy", "spec.parent"),
    "approvalrequests": ("spec.request",),
}
"""Fields that cannot change."""
_BOOKMARKS = 60.0
"""Seconds between two."""


class ChaosServer(ApiServer):
    """The server of one play."""

    def __init__(self, time: Time, roll: random.Random, faults: Iterable[Fault]) -> None:
        super().__init__()
        self.clock = self.times = time
        self.recorded = History()
        self.injected: Counter[Kind] = Counter()
        self.kill: Callable[[str], None] = lambda _: None
        """Ends the operator with this token at once."""
        self.stop: Callable[[str, float], None] = lambda _, __: None
        """Stops the operator with this token for so many seconds."""
        self.dead: set[str] = set()
        self.met = 0
        """Requests of operators so far."""
        self._roll = roll
        self._schedule = {fault.at: fault for fault in faults}
        self._streams: set[asyncio.Transport] = set()
        self._collecting = False

    @property
    def faults_left(self) -> int:
        """How many are still to come."""
        return len(self._schedule)

    def spare(self) -> None:
        """No more faults."""
        self._schedule.clear()

    def new_uid(self) -> str:
        number = f"{self._roll.getrandbits(128):032x}"
        return "-".join((number[:8], number[8:12], number[12:16], number[16:20], number[20:]))

    def time(self) -> str:
        return self.times.now().isoformat(timespec="seconds").replace("+00:00", "Z")

    # What people and nodes do.

    def vote(self, name: str, by: str, verdict: str) -> None:
        """As the policy lets it through: while it is open, once for each person."""
        found = copy.deepcopy(self.objects.get(("approvalrequests", "default", name)))
        if found is None or found.get("status", {}).get("phase", "Pending") != "Pending":
            return
        votes = found["spec"].setdefault("decisions", [])
        if any(vote["by"] == by for vote in votes):
            return
        votes.append({"by": by, "verdict": verdict, "digest": found["spec"]["request"]["digest"]})
        self.put("approvalrequests", found)
        self.recorded.votes.append(Vote(found["metadata"]["uid"], by, verdict))

    def set_spec(self, plural: str, name: str, **fields: Any) -> None:
        """Somebody changes fields of an object's spec, if it is there."""
        found = copy.deepcopy(self.objects.get((plural, "default", name)))
        if found is not None:
            found["spec"].update(fields)
            self.put(plural, found)

    def delete(self, plural: str, name: str) -> None:
        """Somebody deletes an object, if it is there."""
        with contextlib.suppress(Denied):
            self._delete(Target(plural, "default", name, None), {})

    async def say_bookmarks(self) -> None:
        """To all watches, without end."""
        while True:
            await asyncio.sleep(_BOOKMARKS)
            for queue in tuple(self.watchers):
                meta = {"metadata": {"resourceVersion": str(self.version)}}
                queue.put_nowait({"type": "BOOKMARK", "object": meta})

    # What controllers do.

    def _commit(self, kind: str, key: tuple[str, str, str], obj: dict[str, Any]) -> dict[str, Any]:
        if kind == "MODIFIED":
            self._insist(key[0], self.objects[key], obj)
        done = super()._commit(kind, key, obj)
        if key[0] not in ("events", "leases"):
            self.recorded.changes.append(Change(self.times.seconds, WHO.get(), kind, key[0], done))
        if (kind == "DELETED" or done["metadata"].get("ownerReferences")) and not self._collecting:
            self._collecting = True
            asyncio.get_running_loop().call_later(self._roll.uniform(0.1, 3.0), self._collect)
        return done

    @staticmethod
    def _insist(plural: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        for path in _FIXED.get(plural, ()):
            before, after = _at(old, path), _at(new, path)
            if before != after:
                raise Denied(422, "Invalid", f"{path}: Invalid value: field is immutable")

    def _collect(self) -> None:
        """As the garbage collector: what has owners and none that lives goes."""
        self._collecting = False
        living = {found["metadata"]["uid"] for found in self.objects.values()}
        for (plural, _, name), found in tuple(self.objects.items()):
            owners = [each["uid"] for each in found["metadata"].get("ownerReferences", ())]
            if owners and not living & set(owners):
                self.delete(plural, name)

    def _delete(self, target: Target, options: dict[str, Any]) -> dict[str, Any]:
        found = self._find(target)
        meta = found["metadata"]
        uid = options.get("preconditions", {}).get("uid")
        if uid and uid != meta["uid"]:
            raise Denied(409, "Conflict", "the UID in the precondition does not match")
        lives = target.plural == "pods" and found.get("status", {}).get("phase") not in ("Succeeded", "Failed")
        if not lives and not meta.get("finalizers"):
            return self._commit("DELETED", self._key(target), found)
        if "deletionTimestamp" in meta:
            return found
        marked = {**found, "metadata": {**meta, "deletionTimestamp": self.time()}}
        return self._commit("MODIFIED", self._key(target), marked)

    def _change(self, target: Target, request: web.Request, body: Any) -> dict[str, Any]:
        changed = super()._change(target, request, body)
        meta = changed["metadata"]
        if "deletionTimestamp" in meta and not meta.get("finalizers") and target.plural != "pods":
            return self._commit("DELETED", self._key(target), changed)
        return changed

    # What goes wrong.

    async def handle(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "")
        path = request.raw_path.split("?")[0]
        WHO.set(token)
        if token in self.dead:
            return hang_up(request)
        await request.read()
        if any(part in path for part in UNCOUNTED):
            return await self._answer(request)
        self.met += 1
        fault = self._schedule.pop(self.met, None)
        if fault is None:
            return await self._answer(request)
        self.injected[fault.kind] += 1
        return await self._meet(request, token, fault)

    async def _meet(self, request: web.Request, token: str, fault: Fault) -> web.StreamResponse:
        kind = fault.kind
        if kind in REFUSALS:
            return refusal(kind, request.method)
        if kind is Kind.KILLED_BEFORE:
            self.kill(token)
        if kind in (Kind.DROPPED, Kind.KILLED_BEFORE):
            return hang_up(request)
        if kind is Kind.DELAYED:
            await asyncio.sleep(fault.seconds)
            WHO.set(f"{LATE}{token}")
        if kind is Kind.CUT:
            self._cut_streams()
        if kind is Kind.FORGOTTEN:
            self.forget_history()
            self.cut_watches()
        return await self._carry_out(request, token, fault)

    async def _carry_out(self, request: web.Request, token: str, fault: Fault) -> web.StreamResponse:
        kind = fault.kind
        if kind is Kind.STOPPED:
            self.stop(token, fault.seconds)
        if request.query.get("watch") == "true" or request.query.get("follow") == "true":
            return await self._answer(request)
        answer = await self._answer(request)
        if kind is Kind.TWICE:
            await self._answer(request)
        if kind is Kind.KILLED_AFTER:
            self.kill(token)
        if kind in (Kind.LOST_ANSWER, Kind.KILLED_AFTER):
            return hang_up(request)
        if kind is Kind.LATE_ANSWER:
            await asyncio.sleep(fault.seconds)
        return status(500) if kind is Kind.FAILED_AFTER else answer

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        with self._streaming(request):
            return await super()._watch(request, target)

    async def _log(self, request: web.Request, target: Target) -> web.StreamResponse:
        with self._streaming(request):
            return await super()._log(request, target)

    @contextlib.contextmanager
    def _streaming(self, request: web.Request) -> Any:
        transport = request.transport
        if not isinstance(transport, asyncio.Transport):
            raise asyncio.CancelledError
        self._streams.add(transport)
        try:
            yield
        except (ConnectionResetError, RuntimeError):
            # Whoever listened is gone.
            raise asyncio.CancelledError from None
        finally:
            self._streams.discard(transport)

    def _cut_streams(self) -> None:
        for transport in tuple(self._streams):
            transport.abort()


def _at(found: dict[str, Any], path: str) -> Any:
    value: Any = found
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
