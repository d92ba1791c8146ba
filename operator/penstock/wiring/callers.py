"""A cluster behind a server of many callers: each call under its caller's rights, the catalogue under the server's."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from penstock.adapters.kube.access import kube_access
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.informers import WatchTiming
from penstock.adapters.kube.secret_records import SecretRecords
from penstock.adapters.kube.workflow_watch import watch_workflows
from penstock.api.v1alpha1.workflow import Workflow
from penstock.ports.access import Access, Actor, Key
from penstock.ports.key_records import KeyRecords


class ServedCluster:
    """What a server of many callers does in a cluster. `namespaces`: those that are served, all when empty."""

    def __init__(self, client: KubeClient, namespaces: tuple[str, ...] = (), timing: WatchTiming | None = None) -> None:
        self._client = client
        self._timing = timing
        self._places: tuple[str | None, ...] = namespaces or (None,)

    @property
    def own_access(self) -> Access:
        """The server's own reach: to know its own name. Never lent to a caller."""
        return kube_access(self._client)

    def access_for(self, identity: Actor) -> Access:
        """What this caller can reach."""
        return kube_access(self._client.acting_as(identity))

    async def post(self, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """POST with the server's own rights. Raises Forbidden, Unavailable."""
        return await _post(self._client, path, body)

    def post_as(self, identity: Actor) -> Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]:
        """POST as this caller."""
        client = self._client.acting_as(identity)

        async def post(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
            return await _post(client, path, body)

        return post

    def key_records(self, secret: Key) -> KeyRecords:
        """The hashes of API keys, read with the server's own rights."""
        return SecretRecords(self._client, secret)

    async def watch_workflows(self, on_change: Callable[[Sequence[Workflow]], None]) -> None:
        """All Workflows at once and after each change, until cancelled; with the server's own rights."""
        async with contextlib.aclosing(watch_workflows(self._client, self._places, self._timing)) as seen:
            async for found in seen:
                on_change(found)


async def _post(client: KubeClient, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    # Reviews change nothing: they are no writes in the sense of what is counted.
    return await client.create(path, dict(body), as_dict, counted=False)
