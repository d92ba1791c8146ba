"""The ledger writes one exact patch, and knows when its copy is worth nothing."""

from __future__ import annotations

import pytest

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.resources import RUNS
from penstock.adapters.kube.run_ledger import RunLedger
from penstock.adapters.kube.server_clock import ServerClock
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.application.cached_steps import CachedSteps
from penstock.errors import Conflict, Unavailable
from penstock.ports.access import Key
from penstock.testing.builders import a_run
from tests.integration.kube.api_server import ApiServer, Fault

KEY = Key("default", "order-1")


@pytest.fixture
def ledger(client: KubeClient) -> RunLedger:
    return RunLedger(client, Copies(client, RUNS, WorkflowRun), ServerClock(), lambda _key: None, CachedSteps())


async def loaded(ledger: RunLedger) -> WorkflowRun:
    run = await ledger.load(KEY)
    assert run is not None
    return run


async def test_after_a_conflict_the_server_is_asked_although_no_watch_has_spoken(server: ApiServer, ledger: RunLedger):
    server.put("workflowruns", a_run().to_wire())
    run = await loaded(ledger)
    changed = a_run(cancel=True).to_wire()
    server.put("workflowruns", changed)

    with pytest.raises(Conflict):
        await ledger.save_status(run, WorkflowRunStatus(phase="Running"))

    assert (await loaded(ledger)).spec.cancel


async def test_after_a_lost_answer_the_server_is_asked(server: ApiServer, ledger: RunLedger):
    server.put("workflowruns", a_run().to_wire())
    run = await loaded(ledger)
    server.faults.append(Fault("PATCH", "/status", carried_out=True))

    with pytest.raises(Unavailable):
        await ledger.save_status(run, WorkflowRunStatus(phase="Running"))

    assert (await loaded(ledger)).status.phase == "Running"


async def test_what_was_only_planned_is_written_too(server: ApiServer, ledger: RunLedger):
    """A pass adds to its copy of the run before it writes; the patch is against what the server has."""
    server.put("workflowruns", a_run().to_wire())
    run = await loaded(ledger)
    planned = WorkflowRunStatus(phase="Running", steps={"a": StepStatus(phase="Starting", attempt=1)})

    await ledger.save_status(run.model_copy(update={"status": planned}), planned)

    assert server.get("workflowruns", "order-1")["status"]["steps"]["a"]["phase"] == "Starting"


async def test_nothing_new_is_not_written(server: ApiServer, ledger: RunLedger):
    server.put("workflowruns", a_run().to_wire())
    run = await ledger.save_status(await loaded(ledger), WorkflowRunStatus(phase="Running"))

    assert await ledger.save_status(run, WorkflowRunStatus(phase="Running")) == run
    assert len(server.writes()) == 1


async def test_a_run_that_the_operator_asks_for_or_stops_is_looked_at_though_its_watch_has_no_news(
    server: ApiServer, client: KubeClient
):
    woken: list[Key] = []
    runs = Copies(client, RUNS, WorkflowRun)
    ledger = RunLedger(client, runs, ServerClock(), woken.append, CachedSteps())

    assert await ledger.create(a_run())
    assert runs.heard("ADDED", server.get("workflowruns", "order-1")) is None
    assert woken == [KEY]

    await ledger.request_cancel(KEY)
    assert woken == [KEY, KEY]


async def test_a_run_that_is_first_seen_here_is_looked_at(server: ApiServer, client: KubeClient):
    """The watch that comes to it later finds it known, and wakes nobody."""
    woken: list[Key] = []
    ledger = RunLedger(client, Copies(client, RUNS, WorkflowRun), ServerClock(), woken.append, CachedSteps())
    server.put("workflowruns", a_run().to_wire())
    await loaded(ledger)
    assert woken == [KEY]
    await loaded(ledger)
    assert woken == [KEY]
