"""When a run is looked at for what its pods do: at once where that decides something, else when it is worth telling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from penstock.adapters.assertion_key import NoKey
from penstock.adapters.kube.attempt_maker import AttemptMaker, signing
from penstock.adapters.kube.attempt_sight import AttemptSight
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.job_runner import Hooks, JobRunner
from penstock.adapters.kube.manifests import PodSettings
from penstock.adapters.kube.pod_minder import Patience
from penstock.adapters.kube.server_clock import ServerClock
from penstock.ports.access import Key
from tests.integration.kube.api_server import ApiServer
from tests.support.eventually import eventually
from tests.unit.adapters.kube.samples import a_live_run, a_start

RUN = Key("default", "order-1")


class Asked:
    """What the runner asked for."""

    def __init__(self) -> None:
        self.at_once: list[Key] = []
        self.later: list[tuple[Key, timedelta]] = []

    @property
    def hooks(self) -> Hooks:
        return Hooks(
            wake=self.at_once.append,
            look=lambda run, after: self.later.append((run, after)),
            close=lambda _: None,
            keep=lambda *_: None,
        )


@pytest.fixture
async def sight(client: KubeClient) -> AsyncIterator[AttemptSight]:
    found = AttemptSight(client)
    task = asyncio.create_task(found.run())
    await found.synced()
    yield found
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def started(client: KubeClient, sight: AttemptSight, *, managed: bool = True, **program: Any) -> Asked:
    """An attempt whose Job is there."""
    asked, run = Asked(), a_live_run()
    maker = AttemptMaker(
        client, sight, PodSettings(managed=managed), lambda: "0f" * 16, signing(NoKey(), ServerClock())
    )
    runner = JobRunner(client, sight, maker, asked.hooks, Patience())
    await runner.start(run, a_start(run, **program))
    return asked


def runs(server: ApiServer) -> None:
    """The program of the one pod has started."""
    [name] = server.names("pods")
    state = {"running": {"startedAt": "2026-01-02T12:00:01Z"}}
    server.set_status("pods", name, {"phase": "Running", "containerStatuses": [{"name": "step", "state": state}]})


async def test_a_pod_of_our_own_and_its_start_are_told_later(
    server: ApiServer, client: KubeClient, sight: AttemptSight
):
    asked = await started(client, sight)
    assert [run for run, _ in asked.later] == [RUN]

    runs(server)
    await eventually(lambda: len(asked.later) == 2)

    assert all(after > timedelta() for _, after in asked.later)
    assert asked.at_once == []


async def test_a_pod_that_another_one_made_is_looked_at_at_once(
    server: ApiServer, client: KubeClient, sight: AttemptSight
):
    asked = await started(client, sight, managed=False)
    job = server.get("jobs", server.names("jobs")[0])
    owner = {"apiVersion": "batch/v1", "kind": "Job", "controller": True}
    owner |= {"name": job["metadata"]["name"], "uid": job["metadata"]["uid"]}
    template = job["spec"]["template"]
    meta = {**template["metadata"], "name": "job-x7k2p", "namespace": "default", "ownerReferences": [owner]}
    server.put("pods", {"metadata": meta, "spec": template["spec"]})

    await eventually(lambda: asked.at_once == [RUN])
    assert asked.later == []


async def test_a_program_whose_time_nobody_else_keeps_is_looked_at_from_its_start(
    server: ApiServer, client: KubeClient, sight: AttemptSight
):
    asked = await started(
        client, sight, kind="container", image="tool@sha256:" + "2" * 64, command=["work"], args=[], outputFrom="log"
    )

    runs(server)

    await eventually(lambda: asked.at_once == [RUN])
