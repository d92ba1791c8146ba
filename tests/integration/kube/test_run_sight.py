"""All runs, as the operator's own watch tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.informers import WatchNews, WatchTiming
from penstock.adapters.kube.resources import RUNS
from penstock.adapters.kube.run_sight import RunSight
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key
from penstock.testing.builders import a_run
from tests.integration.kube.api_server import ApiServer
from tests.support.eventually import eventually

QUICK = WatchTiming(first_wait=0.01, longest_wait=0.02)
Heard = list[tuple[str | None, str]]


@pytest.fixture
def runs(client: KubeClient) -> Copies[WorkflowRun]:
    return Copies(client, RUNS, WorkflowRun)


def put(server: ApiServer, name: str, namespace: str = "default") -> dict[str, Any]:
    return server.put("workflowruns", a_run(name=name, namespace=namespace).to_wire())


@asynccontextmanager
async def following(
    client: KubeClient,
    runs: Copies[WorkflowRun],
    hear: Callable[[str | None, Mapping[str, Any]], object],
    namespaces: tuple[str, ...] = (),
    news: WatchNews | None = None,
) -> AsyncIterator[RunSight]:
    sight = RunSight(client, runs, namespaces, hear, news or WatchNews(), QUICK)
    task = asyncio.create_task(sight.run())
    try:
        await eventually(lambda: sight.heard_at)
        yield sight
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def noting(runs: Copies[WorkflowRun], heard: Heard) -> Callable[[str | None, Mapping[str, Any]], object]:
    def hear(event: str | None, found: Mapping[str, Any]) -> None:
        heard.append((event, found["metadata"]["name"]))
        runs.heard(event, found)

    return hear


async def test_what_is_there_is_listed_and_every_change_is_told(
    server: ApiServer, client: KubeClient, runs: Copies[WorkflowRun]
):
    put(server, "order-1")
    heard: Heard = []
    async with following(client, runs, noting(runs, heard)):
        await eventually(lambda: server.watchers)
        put(server, "order-2")
        server.remove("workflowruns", "order-1")
        await eventually(lambda: len(heard) == 3)

    assert heard == [(None, "order-1"), ("ADDED", "order-2"), ("DELETED", "order-1")]


async def test_what_was_deleted_in_a_gap_is_forgotten(server: ApiServer, client: KubeClient, runs: Copies[WorkflowRun]):
    put(server, "order-1")
    put(server, "order-2")
    async with following(client, runs, runs.heard):
        await eventually(lambda: server.watchers)
        server.cut_watches()
        server.remove("workflowruns", "order-1")
        server.forget_history()
        await eventually(lambda: runs.get(Key("default", "order-1")) is None)

    assert runs.get(Key("default", "order-2")) is not None


async def test_a_broken_stream_is_told_of_and_opened_again_where_it_stood(
    server: ApiServer, client: KubeClient, runs: Copies[WorkflowRun]
):
    broke: list[bool] = []
    heard: Heard = []
    news = WatchNews(broke=lambda: broke.append(True))
    async with following(client, runs, noting(runs, heard), news=news):
        await eventually(lambda: server.watchers)
        server.say_error(500, "etcdserver: leader changed")
        await eventually(lambda: broke and server.watches_opened > 1)
        put(server, "order-1")
        await eventually(lambda: heard)

    assert heard == [("ADDED", "order-1")]
    assert [path for method, path in server.requests if path.endswith("/workflowruns")].count(RUNS.path()) == 3


async def test_a_run_that_cannot_be_taken_in_hides_no_other(
    server: ApiServer, client: KubeClient, runs: Copies[WorkflowRun]
):
    def hear(event: str | None, found: Mapping[str, Any]) -> None:
        if found["metadata"]["name"] == "order-1":
            raise ValueError("nobody can bear it")
        runs.heard(event, found)

    put(server, "order-1")
    put(server, "order-2")
    async with following(client, runs, hear):
        await eventually(lambda: runs.get(Key("default", "order-2")) is not None)


async def test_each_namespace_that_is_watched_has_a_watch(
    server: ApiServer, client: KubeClient, runs: Copies[WorkflowRun]
):
    heard: Heard = []
    async with following(client, runs, noting(runs, heard), ("one", "two")):
        await eventually(lambda: len(server.watchers) == 2)
        put(server, "order-1", "two")
        put(server, "order-2", "three")
        put(server, "order-3", "one")
        await eventually(lambda: len(heard) == 2)

    assert sorted(heard) == [("ADDED", "order-1"), ("ADDED", "order-3")]
