"""Runs of one Workflow on the fault server: turns are kept by operators that die, take over, or see little."""

from __future__ import annotations

import asyncio

import pytest

from penstock.api.v1alpha1.workflow import Concurrency
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operate, operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

NAMES = tuple(f"order-{number}" for number in range(5))


def limited(**limits):
    return a_workflow(a_step("only"), concurrency=Concurrency(**limits))


class Crowd:
    """Counts the runs that are under way at each commit."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self.most = 0
        server.on_commit.append(lambda *_: self._count())

    def _count(self) -> None:
        phases = [status(self._server, name).get("phase") for name in self._server.names("workflowruns")]
        self.most = max(self.most, phases.count("Running"))


def all_ended(server: ApiServer) -> bool:
    return all(finished(server, name) for name in NAMES)


@pytest.mark.parametrize("limit", [1, 2])
async def test_never_more_than_the_limit_and_all_of_them_in_the_end(server: ApiServer, kubelet: Kubelet, limit: int):
    crowd = Crowd(server)
    async with operating(server):
        for name in NAMES:
            ask(server, limited(limit=limit), name)
        await eventually(lambda: all_ended(server), seconds=20)
    assert crowd.most == limit
    assert {status(server, name)["phase"] for name in NAMES} == {"Succeeded"}


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 10, 2))
async def test_an_operator_that_dies_at_any_write_leaves_the_line_as_it_is(
    server: ApiServer, kubelet: Kubelet, moment: str, write: int
):
    crowd = Crowd(server)
    for name in NAMES:
        ask(server, limited(limit=1), name)
    task = asyncio.create_task(operate(server, f"{moment}:{write}"))
    await eventually(lambda: task.done() or all_ended(server), seconds=20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with operating(server):
        await eventually(lambda: all_ended(server), seconds=20)

    assert crowd.most == 1
    assert {status(server, name)["phase"] for name in NAMES} == {"Succeeded"}
    assert len(kubelet.started) == len(set(kubelet.started)) == len(NAMES)


async def test_whoever_waits_says_for_whom(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server):
        ask(server, limited(limit=1), "order-a")
        await eventually(lambda: status(server, "order-a").get("phase") == "Running")
        ask(server, limited(limit=1), "order-b")
        await eventually(lambda: "order-a is under way" in status(server, "order-b").get("waitingFor", ""))
        server.remove("workflowruns", "order-a")
        await eventually(lambda: status(server, "order-b").get("phase") == "Running")


async def test_a_run_that_takes_the_place_of_another_has_it_cancelled(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    replacing = limited(limit=1, on_limit="replace")
    async with operating(server):
        ask(server, replacing, "order-a")
        await eventually(lambda: len(kubelet.started) == 1)
        ask(server, replacing, "order-b")
        await eventually(lambda: status(server, "order-a").get("phase") == "Cancelled", seconds=10)
        await eventually(lambda: status(server, "order-b").get("phase") == "Running", seconds=10)
