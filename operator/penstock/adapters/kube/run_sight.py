"""All runs, as a watch of our own tells of them.

kopf watches our other kinds. Each write to a run comes back as an event, and one through kopf costs ten times as much.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies, Hear
from penstock.adapters.kube.failures import Expired
from penstock.adapters.kube.informers import WatchNews, WatchTiming, keep_following
from penstock.adapters.kube.resources import RUNS
from penstock.adapters.kube.streams import watch
from penstock.api.v1alpha1.run import WorkflowRun

_log = logging.getLogger(__name__)


class RunSight:
    """A list and a watch for each namespace (or one for all of them)."""

    def __init__(
        self,
        client: KubeClient,
        runs: Copies[WorkflowRun],
        namespaces: tuple[str, ...],
        hear: Hear,
        news: WatchNews,
        timing: WatchTiming | None = None,
    ) -> None:
        """`hear` is told of every run that is listed and of every event, and takes it into `runs`."""
        places: tuple[str | None, ...] = namespaces or (None,)
        self._feeds = [_Feed(client, runs, place, hear, news, timing or WatchTiming()) for place in places]

    async def run(self) -> None:
        """Follow the server, without end."""
        async with asyncio.TaskGroup() as group:
            for feed in self._feeds:
                group.create_task(feed.run())

    @property
    def heard_at(self) -> float | None:
        """Monotonic time of the oldest last sign of life among the watches; None before the first list."""
        moments = [feed.heard_at for feed in self._feeds]
        return None if None in moments else min(moment for moment in moments if moment is not None)


class _Feed:
    """The runs of one namespace, or of all."""

    def __init__(
        self,
        client: KubeClient,
        runs: Copies[WorkflowRun],
        place: str | None,
        hear: Hear,
        news: WatchNews,
        timing: WatchTiming,
    ) -> None:
        self._client, self._runs, self._place = client, runs, place
        self._hear, self._news, self._timing = hear, news, timing
        self._path = RUNS.path(place)
        self._seen = ""
        self.heard_at: float | None = None

    async def run(self) -> None:
        await keep_following(self._path, self._once, self._timing, self._news)

    async def _once(self) -> None:
        try:
            if not self._seen:
                await self._list()
            await self._follow()
        except Expired:
            # Only a list knows what happened in the gap.
            self._seen = ""

    async def _list(self) -> None:
        version = await self._runs.list_all(self._place, self._take)
        if self.heard_at is not None:
            # In the gap before this list runs may have been deleted.
            await self._runs.prune(self._place)
        self._note(version)

    async def _follow(self) -> None:
        params = {"resourceVersion": self._seen, "timeoutSeconds": str(self._timing.server_timeout)}
        changes = watch(self._client, self._path, _decode, params, silence=self._timing.silence)
        async with contextlib.aclosing(changes):
            async for change in changes:
                if change.object is None:
                    self._note(change.resource_version)
                else:
                    self._take(change.type, change.object)
                    self._note(change.object["metadata"]["resourceVersion"])

    def _note(self, resource_version: str) -> None:
        self._seen = resource_version or self._seen
        self.heard_at = time.monotonic()

    def _take(self, event: str | None, found: Mapping[str, Any]) -> None:
        try:
            self._hear(event, found)
        except Exception:  # noqa: BLE001 - one run that cannot be taken in must not blind us to all others
            _log.exception("a change in %s could not be taken in", self._path)


_decode = msgspec.json.Decoder(dict[str, Any]).decode
