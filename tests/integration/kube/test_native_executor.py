"""Runs whose pods the built-in Job controller makes: the same harness, the same ends."""

from __future__ import annotations

import asyncio

from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import GATED, ask, ends, status
from tests.support.eventually import eventually


async def test_a_run_ends_the_same_way(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["last"] = Order(output=7)
    async with operating(server, managed=False):
        ask(server, GATED)
        await ends(server)

    assert (status(server)["phase"], status(server)["output"]) == ("Succeeded", 7)
    assert len(server.names("jobs")) == 2
    assert not [path for method, path in server.writes() if method == "POST" and path.endswith("/pods")]
    assert not [path for _, path in server.writes() if "/jobs/" in path], "its Jobs are the controller's to close"


async def test_a_step_is_stopped(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(end=asyncio.Event())
    async with operating(server, managed=False):
        ask(server)
        await eventually(lambda: kubelet.started)
        run = server.get("workflowruns", "order-1")
        run["spec"]["cancel"] = True
        server.put("workflowruns", run)
        await ends(server)
        await eventually(lambda: not server.names("pods"))

    assert status(server)["phase"] == "Cancelled"


async def test_a_running_pod_is_followed_by_the_next_operator(server: ApiServer, kubelet: Kubelet):
    end = asyncio.Event()
    kubelet.orders["only"] = Order(output=7, end=end)
    async with operating(server, managed=False):
        ask(server)
        await eventually(lambda: kubelet.started)
    async with operating(server, managed=False):
        end.set()
        await ends(server)

    assert status(server)["output"] == 7
    assert len(kubelet.started) == 1
