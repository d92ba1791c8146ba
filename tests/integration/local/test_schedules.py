"""Schedules on one machine: any number of processes look after them, and each moment has one run."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from penstock.adapters.local.authority import LocalAuthority
from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.schedules import SCHEDULED_AT
from penstock.api.v1alpha1.workflow import Schedule, ScheduleStatus
from penstock.application.scheduler import Desk, Scheduler
from penstock.ports.access import Key
from penstock.testing.builders import a_step, a_workflow
from tests.integration.local.conftest import Machine
from tests.support.eventually import eventually

KEY = Key("default", "report")
HOUR = timedelta(hours=1)


@asynccontextmanager
async def looking_after(machine: Machine):
    """A process that does."""
    backend = machine.open()
    desk = Desk(backend.workflows, backend.scheduled, LocalAuthority(), machine.clock, backend.events)
    task = asyncio.create_task(backend.schedule_driver(Scheduler(desk, lambda workflow: True).look).run())
    try:
        yield backend
    finally:
        task.cancel()
        await asyncio.wait({task})


async def write(backend: LocalBackend, **fields) -> None:
    schedule = Schedule(**{"name": "hourly", "cron": "0 * * * *", **fields})
    await backend.access.workflows.apply(a_workflow(a_step(), name="report", schedules=(schedule,)))


async def entry(backend: LocalBackend) -> ScheduleStatus | None:
    found = await backend.workflows.load(KEY)
    assert found is not None
    return found.status.schedules[0] if found.status.schedules else None


async def pass_time(machine: Machine, backend: LocalBackend, number: int) -> None:
    """An hour goes by, and somebody writes: timers go by the time that really passes."""
    machine.clock.advance(HOUR)
    workflow = await backend.access.workflows.get(KEY)
    labelled = workflow.metadata.model_copy(update={"labels": {"hour": str(number)}})
    await backend.access.workflows.apply(workflow.model_copy(update={"metadata": labelled}))
    await due_after(backend, machine.clock.now())


async def due_after(backend: LocalBackend, moment: datetime) -> None:
    async with asyncio.timeout(10):
        while True:
            found = await entry(backend)
            if found is not None and found.next_at is not None and found.next_at > moment:
                return
            await asyncio.sleep(0.005)


async def test_several_processes_start_one_run_a_moment(machine: Machine):
    async with looking_after(machine) as one, looking_after(machine), looking_after(machine):
        await write(one)
        await due_after(one, machine.clock.now())
        for number in range(3):
            await pass_time(machine, one, number)
        runs = await one.access.runs.list(None)
    assert sorted(run.metadata.annotations[SCHEDULED_AT][11:16] for run in runs) == ["13:00", "14:00", "15:00"]
    found = await entry(one)
    assert found is not None
    assert (found.missed, found.last_run) == (0, runs[0].metadata.name)


async def test_what_was_due_while_nobody_was_there_is_made_up_for_once(machine: Machine):
    async with looking_after(machine) as one:
        await write(one)
        await due_after(one, machine.clock.now())
    machine.clock.advance(timedelta(hours=4, minutes=20))
    async with looking_after(machine) as two:
        await due_after(two, machine.clock.now())
        (run,) = await two.access.runs.list(None)
    assert run.metadata.annotations[SCHEDULED_AT][11:16] == "16:00"
    assert run.spec.requested_by is not None
    assert run.spec.requested_by.user == "alice"
    found = await entry(two)
    assert found is not None
    assert found.missed == 3


async def test_what_happens_is_written_down_beside_the_runs(machine: Machine):
    async with looking_after(machine) as one:
        await write(one)
        await due_after(one, machine.clock.now())
        await pass_time(machine, one, 1)
        workflow = await one.access.workflows.get(KEY)
        path = machine.directory.workflow_events(workflow.metadata.uid)
        await eventually(path.exists)
    assert "RunScheduled" in path.read_text()
