"""One active replica, by a Lease. Correctness never rests on it: it only keeps two from doing the same work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.resources import LEASES
from penstock.errors import AlreadyExists, Conflict, NotFound, PenstockError
from penstock.ports.access import Key
from penstock.ports.engine import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaseTiming:
    """In seconds."""

    duration: float = 12.0
    """After that long without a renewal others may take over: within 15 seconds of a kill, their asking included."""
    renew_every: float = 4.0
    give_up_after: float = 9.0
    """Without a renewal for that long the holder stops by itself, before others start."""
    ask_every: float = 1.0


class LeaderLease:
    """Holds a Lease under `identity`, the name of the pod: a restarted container goes on at once."""

    def __init__(
        self,
        client: KubeClient,
        key: Key,
        identity: str,
        clock: Clock,
        timing: LeaseTiming | None = None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._key = key
        self._identity = identity
        self._clock = clock
        self._timing = timing or LeaseTiming()
        self._monotonic = monotonic
        self._seen: tuple[str, float] = ("", 0.0)
        self._renewed = -math.inf
        self.held = False
        """This replica is the active one."""

    def holds(self) -> bool:
        """The Lease is ours at this moment. A process that was stopped for a while and has just woken finds out here,
        before it has heard of anything: another one may be at work by now.
        """
        return self.held and self._monotonic() - self._renewed < self._timing.duration

    async def lead(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do `work` whenever the Lease is held, without end; it is cancelled when the Lease is lost."""
        while True:
            await self._acquire()
            _log.info("this replica is the active one")
            task = asyncio.ensure_future(work())
            try:
                await self._keep(task)
            finally:
                self.held = False
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            _log.warning("another replica took over, or the Lease could not be renewed")

    async def release(self) -> None:
        """Let the next replica start at once."""
        with contextlib.suppress(PenstockError):
            lease = await self._client.get(self._path, as_dict)
            if lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1}
                await self._client.replace(self._path, lease, as_dict, counted=False)

    @property
    def _path(self) -> str:
        return LEASES.path(self._key.namespace, self._key.name)

    async def _acquire(self) -> None:
        while True:
            try:
                self.held = await self._try()
            except PenstockError as error:
                _log.warning("the Lease %s cannot be had: %s", self._key, error)
            if self.held:
                return
            await asyncio.sleep(self._timing.ask_every)

    async def _keep(self, work: asyncio.Future[None]) -> None:
        while self._monotonic() - self._renewed < self._timing.give_up_after:
            await asyncio.wait({work}, timeout=self._timing.renew_every)
            if work.done():
                # It is without end; if it ended, it failed, and so must we.
                work.result()
            try:
                if not await self._try():
                    return
            except PenstockError as error:
                _log.warning("the Lease %s could not be renewed: %s", self._key, error)

    async def _try(self) -> bool:
        """Take or renew the Lease; whether it is ours now."""
        asked = self._monotonic()
        ours = await self._ask()
        if ours:
            self._renewed = asked
        return ours

    async def _ask(self) -> bool:
        try:
            lease = await self._client.get(self._path, as_dict)
        except NotFound:
            return await self._create()
        spec = lease["spec"]
        if spec.get("holderIdentity") not in ("", None, self._identity) and not self._ran_out(lease):
            return False
        lease["spec"] = self._spec(spec)
        try:
            await self._client.replace(self._path, lease, as_dict, counted=False)
        except Conflict:
            return False
        return True

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._key.name},
            "spec": self._spec({}),
        }
        try:
            await self._client.create(LEASES.path(self._key.namespace), body, as_dict, counted=False)
        except AlreadyExists:
            return False
        return True

    def _ran_out(self, lease: dict[str, Any]) -> bool:
        """Nobody has renewed it for as long as it holds, by our own clock: clocks of other nodes do not matter."""
        version, now = lease["metadata"]["resourceVersion"], self._monotonic()
        if version != self._seen[0]:
            self._seen = (version, now)
        return now - self._seen[1] >= float(lease["spec"].get("leaseDurationSeconds") or self._timing.duration)

    def _spec(self, old: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.now().astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        mine = old.get("holderIdentity") == self._identity
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._timing.duration),
            "acquireTime": old.get("acquireTime", now) if mine else now,
            "renewTime": now,
            "leaseTransitions": int(old.get("leaseTransitions") or 0) + (0 if mine else 1),
        }
