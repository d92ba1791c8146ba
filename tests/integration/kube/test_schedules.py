"""Runs by the clock on the fault server: one for each moment, whoever dies or works beside somebody else."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.schedules import SCHEDULED_AT
from penstock.api.v1alpha1.workflow import EditedBy, Schedule
from penstock.testing.builders import a_step, a_workflow
from penstock.testing.clock import FakeClock
from tests.integration.kube.api_server import ApiServer, Fault
from tests.integration.kube.operators import operate, operating
from tests.support.eventually import eventually

HOUR = timedelta(hours=1)
RUNS = "/apis/penstock.dev/v1alpha1/namespaces/default/workflowruns"


def hourly(**fields: Any) -> dict[str, Any]:
    schedule = Schedule(name="hourly", cron="0 * * * *", context={"n": 1}, **fields)
    workflow = a_workflow(a_step("only"), schedules=(schedule,))
    editor = EditedBy(user="alice", client="laptop", groups=("authors",))
    return workflow.model_copy(update={"edited_by": editor}).to_wire()


@pytest.fixture
def clock(server: ApiServer) -> FakeClock:
    server.clock = FakeClock()
    return server.clock


def entry(server: ApiServer) -> dict[str, Any]:
    found: list[dict[str, Any]] = server.get("workflows", "order").get("status", {}).get("schedules", [])
    return found[0] if found else {}


def condition(server: ApiServer, kind: str) -> dict[str, Any]:
    conditions = server.get("workflows", "order").get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def moments(server: ApiServer) -> list[str]:
    """What runs were started for."""
    runs = [server.get("workflowruns", name) for name in server.names("workflowruns")]
    return sorted(run["metadata"]["annotations"][SCHEDULED_AT][11:16] for run in runs)


def looked(server: ApiServer, clock: FakeClock) -> bool:
    """The schedule's status is one of this time."""
    return "nextAt" in entry(server) and datetime.fromisoformat(entry(server)["nextAt"]) > clock.now()


def look(server: ApiServer) -> None:
    """Give the operators a reason to look, for their timers go by the time that really passes."""
    server.put("workflows", server.get("workflows", "order"))


async def test_a_run_is_created_for_the_editor_and_started(server: ApiServer, kubelet, clock: FakeClock):
    server.put("workflows", hourly())
    async with operating(server):
        await eventually(lambda: entry(server).get("nextAt") == "2026-01-02T13:00:00.000000Z")
        assert server.get("workflows", "order")["status"]["nextAt"] == entry(server)["nextAt"]
        assert (condition(server, "Ready")["status"], condition(server, "Scheduled")["status"]) == ("True", "True")
        clock.advance(HOUR)
        look(server)
        await eventually(lambda: len(server.names("workflowruns")) == 1)
        (name,) = server.names("workflowruns")
        await eventually(lambda: server.get("workflowruns", name).get("status", {}).get("phase") == "Succeeded")
        await eventually(lambda: entry(server).get("lastRun") == name)
    run = server.get("workflowruns", name)
    assert run["spec"]["requestedBy"] == {"user": "alice", "client": "laptop", "groups": ["authors"]}
    assert run["spec"]["context"] == {"n": 1}
    (asked,) = server.asked_rights
    assert (asked["user"], asked["groups"]) == ("alice", ["authors"])
    assert asked["resourceAttributes"]["subresource"] == "run"


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("write", range(1, 9))
async def test_an_operator_that_dies_at_any_write_starts_each_run_once(
    server: ApiServer, kubelet, clock: FakeClock, moment: str, write: int
):
    server.put("workflows", hourly())
    task = asyncio.create_task(operate(server, f"{moment}:{write}"))
    await eventually(lambda: task.done() or entry(server).get("nextAt"))
    clock.advance(HOUR)
    look(server)
    await eventually(lambda: task.done() or entry(server).get("lastRun"))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    async with operating(server):
        await eventually(lambda: looked(server, clock))
        for _ in range(2):
            clock.advance(HOUR)
            look(server)
            await eventually(lambda: looked(server, clock))

    # Whether the first moment was known before the death depends on the write; those after it were.
    assert moments(server) in (["13:00", "14:00", "15:00"], ["14:00", "15:00"])
    assert entry(server).get("missed", 0) == 0


async def test_two_operators_at_once_start_one_run_a_moment(server: ApiServer, kubelet, clock: FakeClock):
    server.put("workflows", hourly(concurrency_policy="Allow"))
    async with operating(server), operating(server):
        await eventually(lambda: entry(server).get("nextAt"))
        for _ in range(4):
            clock.advance(HOUR)
            look(server)
            await eventually(lambda: looked(server, clock))
    assert moments(server) == ["13:00", "14:00", "15:00", "16:00"]
    assert entry(server).get("missed", 0) == 0


async def test_an_answer_that_is_lost_makes_no_second_run(server: ApiServer, kubelet, clock: FakeClock):
    server.put("workflows", hourly(concurrency_policy="Forbid"))
    async with operating(server):
        await eventually(lambda: entry(server).get("nextAt"))
        server.faults.append(Fault("POST", RUNS, carried_out=True))
        clock.advance(HOUR)
        look(server)
        await eventually(lambda: entry(server).get("lastRun"))
    assert moments(server) == ["13:00"]
    assert entry(server).get("missed", 0) == 0


async def test_who_lost_the_right_starts_nothing(server: ApiServer, kubelet, clock: FakeClock):
    server.put("workflows", hourly())
    async with operating(server):
        await eventually(lambda: entry(server).get("nextAt"))
        server.powerless.add("alice")
        clock.advance(HOUR)
        look(server)
        await eventually(lambda: condition(server, "Scheduled").get("status") == "False")
    assert "alice may not run Workflow order" in condition(server, "Scheduled")["message"]
    assert server.names("workflowruns") == []


async def test_a_run_that_somebody_put_in_the_way_is_told(server: ApiServer, kubelet, clock: FakeClock):
    made = server.put("workflows", hourly())
    from penstock.engine.identifiers import tick_name

    name = tick_name("order", made["metadata"]["uid"], "hourly", clock.now() + HOUR)
    server.put("workflowruns", {"metadata": {"name": name}, "spec": {"workflow": {"name": "order"}, "cancel": True}})
    async with operating(server):
        await eventually(lambda: entry(server).get("nextAt"))
        clock.advance(HOUR)
        look(server)
        await eventually(lambda: condition(server, "Scheduled").get("status") == "False")
    assert "no schedule has started" in condition(server, "Scheduled")["message"]


async def test_a_workflow_with_a_bad_schedule_is_not_ready(server: ApiServer, kubelet):
    bad = hourly()
    bad["spec"]["schedules"][0] |= {"cron": "0 25 * * *", "timeZone": "Berlin"}
    server.put("workflows", bad)
    async with operating(server):
        await eventually(lambda: condition(server, "Ready").get("status") == "False")
        await eventually(lambda: condition(server, "Scheduled").get("reason") == "NotReady")
    message = condition(server, "Ready")["message"]
    assert "spec.schedules[0].cron" in message
    assert "Write `Europe/Berlin`" in message
