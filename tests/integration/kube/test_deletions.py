"""A run that somebody deletes while the operator works on it: nobody is alarmed, and nothing is done again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from penstock.testing.builders import a_run
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished
from tests.support.eventually import eventually


def alarms(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the operator says that somebody should look at."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


async def test_a_run_that_is_deleted_during_a_pass_ends_it_quietly(
    server: ApiServer, kubelet: Kubelet, caplog: pytest.LogCaptureFixture
):
    kubelet.orders["only"] = Order(output=1, end=asyncio.Event())
    async with operating(server):
        ask(server, name="deleted")
        await eventually(lambda: kubelet.started)
        # Its watch is late: the operator still knows it when its program ends.
        del server.objects["workflowruns", "default", "deleted"]
        before = len(server.writes())
        kubelet.orders["only"].end.set()
        written = ("PATCH", "/apis/penstock.dev/v1alpha1/namespaces/default/workflowruns/deleted/status")
        await eventually(lambda: written in server.writes()[before:])
        ask(server, name="after")
        await eventually(lambda: finished(server, "after"))
    assert server.writes()[before:].count(written) == 1
    assert alarms(caplog) == []


async def test_a_run_that_nobody_can_read_is_deleted_before_that_is_written_down(
    server: ApiServer, kubelet: Kubelet, caplog: pytest.LogCaptureFixture
):
    kubelet.orders["only"] = Order(output=1)
    async with operating(server):
        ask(server, name="before")
        await eventually(lambda: finished(server, "before"))
        server.put("workflowruns", {**a_run(name="strange").to_wire(), "spec": []})
        del server.objects["workflowruns", "default", "strange"]
        await eventually(lambda: [each for each in server.writes() if each[1].endswith("/strange/status")])
        ask(server, name="after")
        await eventually(lambda: finished(server, "after"))
    assert len([each for each in server.writes() if "/strange" in each[1]]) == 1
    assert alarms(caplog) == []
