"""The local copy stays true, whatever a server, a proxy or a network does to the stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.informers import Informer, Source, WatchTiming
from penstock.adapters.kube.objects import Pod
from penstock.ports.access import Key
from tests.integration.kube.api_server import ApiServer, Fault
from tests.support.eventually import eventually

PODS = "/api/v1/pods"
QUICK = WatchTiming(first_wait=0.01, longest_wait=0.02, silence=5.0)


def a_pod(name: str, *, uid: str | None = None, phase: str = "Pending") -> dict[str, object]:
    meta = {"name": name, "namespace": "default", "labels": {"penstock.dev/run": "r"}}
    return {"metadata": {**meta, **({"uid": uid} if uid else {})}, "status": {"phase": phase}}


@dataclass
class Watched:
    """An informer at work, and all that it reported."""

    informer: Informer[Pod]
    told: list[tuple[str, str]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {pod.metadata.name for pod in self.informer}


@contextlib.asynccontextmanager
async def watching(client: KubeClient, timing: WatchTiming = QUICK) -> AsyncIterator[Watched]:
    told: list[tuple[str, str]] = []

    def hear(old: Pod | None, new: Pod | None) -> None:
        kind = "new" if old is None else "gone" if new is None else "changed"
        told.append((kind, (new or old).metadata.name))  # type: ignore[union-attr]  # one of them is there

    source = Source(PODS, msgspec.json.Decoder(Pod).decode, {"labelSelector": "penstock.dev/run"})
    informer = Informer(client, source, hear, timing=timing)
    task = asyncio.create_task(informer.run())
    try:
        await asyncio.wait_for(informer.synced.wait(), 10)
        yield Watched(informer, told)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_lists_what_is_there_and_follows_what_comes(server: ApiServer, client: KubeClient):
    server.put("pods", a_pod("a"))
    async with watching(client) as pods:
        assert pods.names == {"a"}
        server.put("pods", a_pod("b"))
        server.put("pods", a_pod("a", phase="Running"))
        server.remove("pods", "b")
        await eventually(lambda: pods.told[-1:] == [("gone", "b")])
        assert pods.told == [("new", "a"), ("new", "b"), ("changed", "a"), ("gone", "b")]
        found = pods.informer.get(Key("default", "a"))
        assert found is not None
        assert found.status.phase == "Running"


async def test_a_stream_that_ends_is_resumed_without_a_new_list(server: ApiServer, client: KubeClient):
    server.put("pods", a_pod("a"))
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.cut_watches()
        server.put("pods", a_pod("b"))
        await eventually(lambda: "b" in pods.names)
        lists = [path for method, path in server.requests if path == PODS]
        assert len(lists) - server.watches_opened == 1


async def test_what_vanished_while_nobody_looked_is_reported_as_gone(server: ApiServer, client: KubeClient):
    server.put("pods", a_pod("stays"))
    server.put("pods", a_pod("goes"))
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.cut_watches()
        server.remove("pods", "goes")
        server.put("pods", a_pod("comes"))
        server.forget_history()
        await eventually(lambda: pods.names == {"stays", "comes"})
        assert ("gone", "goes") in pods.told


async def test_a_pod_that_was_deleted_and_made_anew_is_two_pods(server: ApiServer, client: KubeClient):
    server.put("pods", a_pod("a", uid="one"))
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.cut_watches()
        server.remove("pods", "a")
        server.put("pods", a_pod("a", uid="two"))
        server.forget_history()
        await eventually(lambda: pods.told == [("new", "a"), ("gone", "a"), ("new", "a")])


@pytest.mark.parametrize(
    "code", [pytest.param(410, id="410 inside the stream"), pytest.param(500, id="an error of the server")]
)
async def test_an_error_inside_the_stream_is_survived(server: ApiServer, client: KubeClient, code: int):
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.say_error(code, "etcdserver: leader changed")
        server.put("pods", a_pod("later"))
        await eventually(lambda: pods.names == {"later"})


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_refused_watch_is_tried_again(server: ApiServer, client: KubeClient, status: int):
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.faults += [Fault("GET", PODS, status=status) for _ in range(6)]
        server.cut_watches()
        server.put("pods", a_pod("later"))
        await eventually(lambda: pods.names == {"later"})
        assert not server.faults


async def test_a_server_that_closes_every_stream_at_once_is_not_stormed(server: ApiServer, client: KubeClient):
    patient = WatchTiming(first_wait=0.05, longest_wait=60.0, silence=5.0)
    async with watching(client, patient) as pods:
        for _ in range(4):
            await eventually(lambda: server.watchers)
            server.cut_watches()
            await eventually(lambda: not server.watchers)
        # The waits have doubled four times by now; what comes is still seen in the end.
        server.put("pods", a_pod("later"))
        await eventually(lambda: pods.names == {"later"})
        assert server.watches_opened <= 6


async def test_a_silent_connection_is_given_up(server: ApiServer, client: KubeClient):
    impatient = WatchTiming(first_wait=0.01, longest_wait=0.02, silence=0.05)
    async with watching(client, impatient):
        await eventually(lambda: server.watches_opened >= 3)


async def test_what_we_wrote_ourselves_is_known_at_once(server: ApiServer, client: KubeClient):
    async with watching(client) as pods:
        made = server.put("pods", a_pod("mine"))
        pods.informer.remember(msgspec.convert(made, Pod))
        assert pods.names == {"mine"}
        await eventually(lambda: pods.informer.heard_at)
        assert pods.told == [("new", "mine")]


async def test_a_late_answer_does_not_bring_back_what_is_gone(server: ApiServer, client: KubeClient):
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        made = server.put("pods", a_pod("short"))
        server.remove("pods", "short")
        server.put("pods", a_pod("marker"))
        await eventually(lambda: "marker" in pods.names)
        pods.informer.remember(msgspec.convert(made, Pod))
        assert pods.names == {"marker"}


async def test_an_object_that_cannot_be_read_does_not_hide_the_others(server: ApiServer, client: KubeClient):
    broken = a_pod("broken")
    broken["status"] = "not an object"
    async with watching(client) as pods:
        await eventually(lambda: server.watchers)
        server.put("pods", broken)
        server.put("pods", a_pod("fine"))
        await eventually(lambda: pods.names == {"fine"})
