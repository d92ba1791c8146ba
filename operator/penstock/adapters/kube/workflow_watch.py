"""The Workflows of some namespaces, all of them after every change: what a catalogue is made from."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import msgspec

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.informers import Informer, Source, WatchTiming
from penstock.adapters.kube.objects import Meta
from penstock.adapters.kube.resources import WORKFLOWS
from penstock.api.v1alpha1.workflow import Workflow

log = logging.getLogger(__name__)


class _Head(msgspec.Struct):
    metadata: Meta


_decode_head = msgspec.json.Decoder(_Head).decode


@dataclass(frozen=True, slots=True)
class _Seen:
    """A Workflow as the watch brought it; None where it cannot be read."""

    metadata: Meta
    workflow: Workflow | None


async def watch_workflows(
    client: KubeClient, places: Sequence[str | None], timing: WatchTiming | None = None
) -> AsyncGenerator[tuple[Workflow, ...]]:
    """All Workflows of these namespaces (None: of all) at once and after each change, without end."""
    changed = asyncio.Event()
    informers = [
        Informer(client, Source(WORKFLOWS.path(place), _see), lambda _old, _new: changed.set(), timing=timing)
        for place in places
    ]
    following = [asyncio.create_task(informer.run()) for informer in informers]
    try:
        for informer in informers:
            await informer.synced.wait()
        while True:
            changed.clear()
            yield tuple(seen.workflow for informer in informers for seen in informer if seen.workflow is not None)
            await changed.wait()
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


def _see(raw: bytes | msgspec.Raw) -> _Seen:
    data = bytes(raw)
    head = _decode_head(data)
    try:
        return _Seen(head.metadata, Workflow.model_validate_json(data))
    except ValueError as error:
        log.warning("Workflow %s cannot be read: %s", head.metadata.key, error)
        return _Seen(head.metadata, None)
