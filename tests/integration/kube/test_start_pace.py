"""Many runs at once: nodes are given as many to start as they start well; of the others there is nothing yet."""

from __future__ import annotations

from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

NAMES = tuple(f"order-{number:02}" for number in range(32))


def held(server: ApiServer) -> list[str]:
    """Runs about which nothing was written."""
    return [name for name in server.names("workflowruns") if not status(server, name)]


async def test_a_run_waits_while_the_nodes_have_enough_to_start(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(unscheduled="0/1 nodes are available")
    async with operating(server):
        for name in NAMES:
            ask(server, name=name)
        await eventually(lambda: len(server.names("pods")) >= 8)
        last = held(server)[-1]
        assert not any(name.startswith(last) for name in server.names("jobs"))

        run = server.get("workflowruns", last)
        server.put("workflowruns", {**run, "spec": run["spec"] | {"cancel": True}})
        await eventually(lambda: status(server, last).get("phase") == "Cancelled")

        kubelet.orders.clear()
        await eventually(lambda: not held(server), seconds=20)
        await eventually(lambda: sum(finished(server, name) for name in NAMES) > 1, seconds=20)


async def test_those_that_waited_together_do_not_all_ask_for_their_workflow(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["only"] = Order(unscheduled="0/1 nodes are available")
    async with operating(server):
        for name in NAMES:
            ask(server, name=name)
        await eventually(lambda: not held(server), seconds=20)

    asked = [path for method, path in server.requests if method == "GET" and path.endswith("/workflows/order")]
    assert 0 < len(asked) < len(NAMES) - 10
