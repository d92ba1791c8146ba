"""kopf in its thread: it hands over what it sees, and is not to be kept down."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import kopf
import pytest

from penstock.adapters.kube.credentials import Credentials
from penstock.handlers.kopf_thread import KopfThread
from penstock.handlers.settings import EndlessBackoff
from penstock.handlers.watching import KINDS, make_registry
from penstock.testing.builders import a_workflow
from tests.integration.kube.api_server import ApiServer, serving
from tests.support.eventually import eventually

# kopf and its asyncio tasks warn in ways that are theirs.
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass
class Heard:
    """All that was handed over."""

    events: list[tuple[str, str | None, str]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __call__(self, plural: str, event: str | None, found: Mapping[str, Any]) -> None:
        self.events.append((plural, event, found["metadata"]["name"]))
        self.threads.add(threading.current_thread().name)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with serving(ApiServer()) as api:
        yield api


@asynccontextmanager
async def watching(server: ApiServer, registry: Callable[[], kopf.OperatorRegistry]) -> AsyncIterator[None]:
    """kopf in its thread, once all its streams are open."""
    thread = KopfThread(registry, (), backoff=EndlessBackoff(0.01, 0.02))
    thread.start()
    try:
        await eventually(lambda: len(server.watchers) == len(KINDS), seconds=20)
        yield
    finally:
        await asyncio.to_thread(thread.stop)
    assert not thread.watching


def registry_of(server: ApiServer, told: Heard) -> kopf.OperatorRegistry:
    return make_registry(told, lambda: Credentials.fixed(server.url, "Bearer t"))


@pytest.fixture
async def heard(server: ApiServer) -> AsyncIterator[Heard]:
    told = Heard()
    async with watching(server, lambda: registry_of(server, told)):
        yield told


async def test_every_change_of_our_kinds_is_handed_over_from_kopfs_own_thread(server: ApiServer, heard: Heard):
    server.put("workflows", a_workflow(name="one").to_wire())
    server.put("workflows", a_workflow(name="one", description="changed").to_wire())
    server.remove("workflows", "one")

    await eventually(lambda: ("workflows", "DELETED", "one") in heard.events)
    assert heard.events == [("workflows", kind, "one") for kind in ("ADDED", "MODIFIED", "DELETED")]
    assert heard.threads == {"kopf"}
    assert server.headers[-1]["Authorization"] == "Bearer t"


async def test_nothing_is_written(server: ApiServer, heard: Heard):
    server.put("workflows", a_workflow(name="one").to_wire())
    await eventually(lambda: heard.events)
    assert server.writes() == []


async def test_an_error_in_a_stream_ends_kopf_and_it_comes_back(server: ApiServer, heard: Heard):
    opened = server.watches_opened
    server.say_error(500, "etcdserver: leader changed")
    await eventually(lambda: server.watches_opened >= opened + 3, seconds=30)

    server.put("workflows", a_workflow(name="later").to_wire())
    await eventually(lambda: ("workflows", "ADDED", "later") in heard.events)


async def test_a_kopf_that_cannot_end_is_left_behind(server: ApiServer):
    """A watch that is refused while another waits for a new sign-in leaves such tasks."""
    told = Heard()
    deaf: list[bool] = []

    def registry() -> kopf.OperatorRegistry:
        made = registry_of(server, told)

        @kopf.on.event("penstock.dev", "v1alpha1", "workflows", registry=made)
        async def swallow_cancellations(**_: Any) -> None:
            deaf.append(True)
            while len(deaf) == 1:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)

        return made

    async with watching(server, registry):
        server.put("workflows", a_workflow(name="first").to_wire())
        await eventually(lambda: deaf)
        server.say_error(500, "etcdserver: leader changed")
        await eventually(lambda: len(deaf) > 1, seconds=40)
        server.put("workflows", a_workflow(name="later").to_wire())
        await eventually(lambda: ("workflows", "ADDED", "later") in told.events)
    gc.collect()  # what was left behind complains when it goes: here, where warnings are ignored
