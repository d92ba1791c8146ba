"""Many runs at once: nodes are given as many to start as they start well; of the others there is nothing yet."""

from __future__ import annotations

from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

NAMES = tuple(f"order-{number:02}" for number in range(12))


def held(server: ApiServer) -> list[str]:
    """Runs about which nothing was written."""
    return [name for name in server.names("workflowruns") if not status(server, name)]


async def test_a_run_waits_while_the_nodes_have_enough_to_start(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(unscheduled="0/1 nodes are available")
    async with operating(server):
        for name in NAMES:
            ask(server, name=name)
        await eventually(lambda: len(server.names("pods")) == 8)
        await eventually(lambda: len(held(server)) == 4)
        assert len(server.names("jobs")) == 8

        cancelled = held(server)[-1]
        server.put(
            "workflowruns", {**(run := server.get("workflowruns", cancelled)), "spec": run["spec"] | {"cancel": True}}
        )
        await eventually(lambda: status(server, cancelled).get("phase") == "Cancelled")

        kubelet.orders.clear()
        server.remove("pods", server.names("pods")[0])
        await eventually(lambda: len(held(server)) == 0, seconds=20)
        await eventually(lambda: sum(finished(server, name) for name in NAMES) == 5, seconds=20)


async def test_those_that_waited_together_ask_for_their_workflow_once(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(unscheduled="0/1 nodes are available")
    async with operating(server):
        for name in NAMES:
            ask(server, name=name)
        await eventually(lambda: len(held(server)) == 4)
        server.requests.clear()
        kubelet.orders.clear()
        server.remove("pods", server.names("pods")[0])
        await eventually(lambda: not held(server), seconds=20)

    asked = [path for method, path in server.requests if method == "GET" and path.endswith("/workflows/order")]
    assert len(asked) < 4
