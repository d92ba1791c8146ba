"""Steps that take an earlier output, on the fault server: what that costs, and what a new operator still knows."""

from __future__ import annotations

from penstock.api.v1alpha1.caching import StepCache
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import OURS, ask, closed, finished, status
from tests.support.eventually import eventually

WORKFLOW = a_workflow(a_step("only", cache=StepCache(ttl="1h")))


async def ended(server: ApiServer, name: str) -> None:
    ask(server, WORKFLOW, name)
    await eventually(lambda: finished(server, name) and closed(server), seconds=20)


async def test_a_run_that_takes_its_output_costs_one_write_and_starts_nothing(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=7)
    async with operating(server):
        await ended(server, "order-1")
        await eventually(lambda: any(path.endswith("/configmaps") for _, path in server.writes()))
        before = len(server.writes())
        await ended(server, "order-2")
        assert server.writes()[before:] == [("PATCH", f"{OURS}/workflowruns/order-2/status")]
    assert (status(server, "order-2")["output"], status(server, "order-2")["cached"]) == (7, 1)
    assert len(kubelet.started) == 1


async def test_a_new_operator_knows_what_ended_before_it_came(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=7)
    async with operating(server):
        await ended(server, "order-1")
    async with operating(server):
        await ended(server, "order-2")
    assert status(server, "order-2")["steps"]["only"]["cached"]["run"] == "order-1"
    assert len(kubelet.started) == 1


async def test_a_run_that_was_removed_has_nothing_to_give(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(output=7)
    async with operating(server):
        await ended(server, "order-1")
        server.remove("workflowruns", "order-1")
        await ended(server, "order-2")
    assert status(server, "order-2")["steps"]["only"].get("cached") is None
    assert len(kubelet.started) == 2
