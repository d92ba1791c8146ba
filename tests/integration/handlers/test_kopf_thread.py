"""kopf in its thread: it hands over what it sees, and is not to be kept down."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

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


@pytest.fixture
async def heard(server: ApiServer) -> AsyncIterator[Heard]:
    told = Heard()
    thread = KopfThread(
        lambda: make_registry(told, lambda: Credentials.fixed(server.url, "Bearer t")),
        (),
        backoff=EndlessBackoff(0.01, 0.02),
    )
    thread.start()
    await eventually(lambda: len(server.watchers) == len(KINDS), seconds=20)
    yield told
    await asyncio.to_thread(thread.stop)
    assert not thread.watching


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
