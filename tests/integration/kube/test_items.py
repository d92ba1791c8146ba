"""A step over many items on the fault server: batches as Jobs, results out of their logs, crashes at every write."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from penstock.api.v1alpha1.over_items import ItemFailures
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operate, operating
from tests.integration.kube.stage import ask, closed, ends, finished, status
from tests.support.eventually import eventually

ROWS = [f"row {number}" for number in range(6)]
BULK = a_workflow(
    a_step(
        "rows",
        for_each=str(ROWS).replace("'", '"'),
        items_per_pod=2,
        max_parallel=2,
        item_failures=ItemFailures(tolerated=1),
    )
)


async def test_items_come_back_in_their_order_and_cost_a_pod_a_batch(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["rows"] = Order(bad=frozenset({3}))
    async with operating(server):
        ask(server, BULK)
        await ends(server)
        await eventually(lambda: closed(server))

    assert status(server)["output"] == [[row] if number != 3 else None for number, row in enumerate(ROWS)]
    step = status(server)["steps"]["rows"]
    assert (step["items"]["progress"], step["items"]["failed"]) == ("6/6", "3")
    assert step["items"]["failures"] == [{"index": 3, "code": "BAD_ROW", "reason": "row 3"}]
    assert len(server.names("jobs")) == len(server.names("pods")) == 3
    batches = {
        server.get("jobs", name)["metadata"]["annotations"]["penstock.dev/batch"] for name in server.names("jobs")
    }
    assert batches == {"0", "1", "2"}


async def test_what_had_ended_in_a_pod_that_ran_out_of_memory_counts(server: ApiServer, kubelet: Kubelet):
    kubelet.orders["rows"] = Order(dies_at=2)
    async with operating(server):
        ask(server, BULK)
        await ends(server)

    assert status(server)["phase"] == "Succeeded"
    assert status(server)["output"][2] is None
    (failure,) = status(server)["steps"]["rows"]["items"]["failures"]
    assert (failure["index"], failure["code"]) == (2, "OOM_KILLED")
    assert sorted(kubelet.items.values()) == [[0, 1], [2, 3], [3], [4, 5]]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 15))
async def test_an_operator_that_dies_at_any_write_runs_no_item_twice_and_loses_none(
    server: ApiServer, kubelet: Kubelet, moment: str, write: int
):
    ask(server, BULK)
    task = asyncio.create_task(operate(server, f"{moment}:{write}"))
    await eventually(lambda: task.done() or (finished(server) and closed(server)), seconds=20)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    async with operating(server):
        await ends(server)
        await eventually(lambda: closed(server))

    assert status(server)["output"] == [[row] for row in ROWS]
    assert sorted(kubelet.items.values()) == [[0, 1], [2, 3], [4, 5]]
    assert kubelet.started == [*dict.fromkeys(kubelet.started)], "a program was started twice"
