"""What Prometheus reads of an operator at work."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp
import pytest

from penstock.adapters.kube import figures_list
from penstock.adapters.kube.figures import OperatorFigures, resource_of
from penstock.adapters.kube.server_clock import ServerClock
from penstock.errors import Conflict
from penstock.handlers.probes import metrics
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import a_side, drive
from tests.integration.kube.stage import GATED, ask, closed, ends
from tests.support.eventually import eventually
from tests.support.scraping import Figures

Scrape = Callable[[], Awaitable[Figures]]


@contextlib.asynccontextmanager
async def an_operator(server: ApiServer) -> AsyncIterator[Scrape]:
    """An operator at work; gives how to scrape it."""
    async with a_side(server) as (side, reconciler), metrics(0, side.figures.page, host="127.0.0.1") as port:
        task = asyncio.create_task(drive(server, side, reconciler))

        async def scrape() -> Figures:
            async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert answer.status == 200
                return Figures(await answer.text())

        yield scrape
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_run_with_a_gate_is_counted(server: ApiServer, kubelet: Kubelet):
    async with an_operator(server) as scrape:
        ask(server, GATED)
        await eventually(lambda: server.names("approvalrequests"))
        await eventually(lambda: server.get("workflowruns", "order-1")["status"]["phase"] == "Waiting")
        waiting = await scrape()
        await ends(server)
        await eventually(lambda: closed(server))
        done = await scrape()

    assert waiting.value("penstock_active") == 1
    assert waiting.value("penstock_runs", phase="Waiting") == 1
    assert waiting.value("penstock_approvals_waiting") == 1
    assert done.value("penstock_approvals_waiting") == 0
    assert done.value("penstock_runs", phase="Succeeded") == 1
    assert done.value("penstock_run_ends_total", phase="Succeeded") == 1
    assert done.value("penstock_run_seconds_count") == done.value("penstock_run_wait_seconds_count") == 1
    assert done.value("penstock_step_ends_total", phase="Succeeded") == 3
    assert done.value("penstock_approval_seconds_count", outcome="Approved") == 1
    for part in ("queue", "pod_start", "program", "result"):
        assert done.value("penstock_step_part_seconds_count", part=part) == 2, part
    assert done.value("penstock_api_writes_total", resource="jobs", verb="create", outcome="ok") == 2
    assert done.value("penstock_api_writes_total", resource="pods", verb="create") == 2
    assert done.value("penstock_api_writes_total", resource="approvalrequests", verb="create") == 1
    assert done.value("penstock_queue_wait_seconds_count", queue="runs") > 2
    assert done.value("penstock_pass_seconds_count", queue="jobs") > 1
    assert done.value("penstock_watch_events_total", resource="pods") > 2
    assert done.value("penstock_watch_events_total", resource="workflowruns") > 2


async def test_writes_are_counted_as_the_server_saw_them(server: ApiServer, kubelet: Kubelet):
    async with an_operator(server) as scrape:
        ask(server)
        await ends(server)
        await eventually(lambda: closed(server))
        figures = await scrape()
        seen = len(server.writes())

    counted = figures.value("penstock_api_writes_total") - figures.value("penstock_api_writes_total", resource="events")
    # The end of the log is kept a moment after the end of the run: before the scrape, after it, or between.
    assert seen - 1 <= counted <= seen + 1


async def test_what_fails_is_counted_by_why(server: ApiServer, kubelet: Kubelet):
    server.faults.append(Fault("POST", "/jobs", status=409))
    kubelet.orders["only"] = Order(code="NO_STOCK", reason="sold out", exit_code=1)
    async with an_operator(server) as scrape:
        ask(server)
        await ends_anyhow(server)
        figures = await scrape()

    assert figures.value("penstock_api_writes_total", resource="jobs", outcome="conflict") == 1
    assert figures.value("penstock_pass_errors_total", queue="runs", kind="conflict") == 1
    assert figures.value("penstock_run_ends_total", phase="Failed") == 1
    assert figures.value("penstock_run_ends_total", phase="Succeeded") == 0


async def ends_anyhow(server: ApiServer) -> None:
    def over() -> bool:
        return server.get("workflowruns", "order-1").get("status", {}).get("phase") == "Failed"

    await eventually(over, seconds=20)


async def test_a_log_that_is_followed_is_a_stream(server: ApiServer, kubelet: Kubelet):
    end = asyncio.Event()
    kubelet.orders["only"] = Order(end=end)
    async with an_operator(server) as scrape:
        ask(server, a_workflow(a_step("only")))
        await eventually(lambda: kubelet.started)
        streams: list[float] = []

        async def followed() -> bool:
            streams.append((await scrape()).value("penstock_log_streams"))
            return streams[-1] == 1

        async with asyncio.timeout(10):
            while not await followed():
                await asyncio.sleep(0.05)
        end.set()
        await ends(server)


async def test_nothing_is_served_that_the_list_does_not_name(server: ApiServer, kubelet: Kubelet):
    async with an_operator(server) as scrape:
        ask(server, GATED)
        await ends(server)
        figures = await scrape()

    listed = {series for metric in figures_list.METRICS for series in metric.series}
    own = {name for name in figures.names if name.startswith("penstock_") and not name.endswith("_created")}
    assert own <= listed
    assert {metric.name for metric in figures_list.METRICS if metric.kind != "counter"} <= set(figures.kinds)


def test_a_replica_that_stands_by_counts_no_runs():
    figures = Figures(OperatorFigures(ServerClock()).page().decode())
    assert figures.value("penstock_active") == 0
    assert not {"penstock_runs", "penstock_approvals_waiting"} & figures.names


def test_what_only_conflicts_is_no_error():
    figures = OperatorFigures(ServerClock())
    figures.queue("runs").ended(0.1, Conflict())
    figures.queue("runs").ended(0.1, KeyError("x"))
    read = Figures(figures.page().decode())
    assert read.value("penstock_pass_errors_total", queue="runs", kind="conflict") == 1
    assert read.value("penstock_pass_errors_total", queue="runs", kind="error") == 1


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces/jobs/pods", "pods"),
        ("/api/v1/namespaces/jobs/pods/p-1", "pods"),
        ("/apis/batch/v1/namespaces/a/jobs/j-1/status", "jobs/status"),
        ("/apis/penstock.dev/v1alpha1/namespaces/a/workflowruns", "workflowruns"),
        ("/apis/penstock.dev/v1alpha1/namespaces/a/workflowruns/r/status", "workflowruns/status"),
        ("/apis/example.com/v1/namespaces/a/things", "other"),
        ("/api/v1/namespaces", "other"),
    ],
)
def test_the_kind_of_a_path(path: str, resource: str):
    assert resource_of(path) == resource
