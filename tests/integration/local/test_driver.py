"""The driver with the real engine: who moves runs, and what becomes of them when it is killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.driver import LocalDriver
from penstock.adapters.local.driver_lock import DetachedDriver, DriverLock
from penstock.adapters.local.run_store import run_table
from penstock.api.v1alpha1.approval import ApprovalRequest
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Step
from penstock.application.answer_approval import answer_approval
from penstock.engine.facts import Verdict
from penstock.errors import InvalidInput
from penstock.ports.access import Key
from penstock.testing.builders import a_gate, a_run, a_spec, a_step
from tests.integration.local.assembly import SystemClock, driver_of, open_backend
from tests.integration.local.conftest import Machine
from tests.support.eventually import eventually

Marks = Callable[[], list[str]]
KEY = Key("default", "order-1")
REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def backend(machine: Machine) -> LocalBackend:
    opened = open_backend(machine.directory.root, grace_seconds=0.3)
    machine.opened.append(opened)
    return opened


@pytest.fixture
def elsewhere(machine: Machine) -> LocalBackend:
    """The same data directory, as another process has it open."""
    opened = open_backend(machine.directory.root, grace_seconds=0.3)
    machine.opened.append(opened)
    return opened


async def submit(backend: LocalBackend, *steps: Step, name: str = "order-1") -> WorkflowRun:
    return await backend.access.runs.create(a_run(a_spec(*steps), name=name))


async def until(backend: LocalBackend, wanted: Callable[[WorkflowRun], object], key: Key = KEY) -> WorkflowRun:
    """The run, once it is as wanted."""
    async with asyncio.timeout(30):
        async for run in backend.access.runs.watch(key):
            if wanted(run):
                return run
    raise AssertionError("a watch has no end")


def finished(run: WorkflowRun) -> bool:
    return run.status.finished_at is not None


async def asked(backend: LocalBackend, step: str) -> ApprovalRequest:
    """The question of a gate; a run says that it waits a moment before the question is there."""
    run = await until(backend, lambda run: run.status.phase == "Waiting")
    gate = run.status.steps[step].gate
    assert gate is not None
    async with asyncio.timeout(10):
        while True:
            for request in await backend.access.approvals.list("default"):
                if request.metadata.name == gate.name:
                    return request
            await asyncio.sleep(0.005)


def endless(machine: Machine) -> Step:
    return a_step("work", f"echo $$ >> {machine.folder}/marks; sleep 60")


async def test_a_run_goes_from_step_to_step_to_its_end(machine: Machine, backend: LocalBackend):
    await submit(
        backend,
        a_step("charge", 'output \'{"order": "ORD-1"}\''),
        a_step("ship", 'output "sent $(step_output charge .order)"', needs=("charge",)),
    )

    async with driver_of(backend).driving():
        run = await until(backend, finished)

    assert run.status.phase == "Succeeded"
    assert run.status.output == "sent ORD-1"
    assert "RunSucceeded" in machine.directory.events(run.metadata.uid).read_text()


async def test_what_another_process_submits_is_driven(backend: LocalBackend, elsewhere: LocalBackend):
    async with driver_of(backend).driving():
        await submit(elsewhere, a_step(source="output 1"))
        run = await until(elsewhere, finished)

    assert run.status.output == 1


def give_status(machine: Machine, status: str) -> None:
    """Edit all runs by hand, past everything that checks them."""
    with contextlib.closing(sqlite3.connect(machine.directory.database)) as database, database:
        database.execute(
            "UPDATE objects SET body = json_set(body, '$.status', json(?)) WHERE kind = 'WorkflowRun'", (status,)
        )


async def test_a_run_that_nobody_can_read_fails_with_the_reason_and_the_others_go_on(
    machine: Machine, backend: LocalBackend, elsewhere: LocalBackend
):
    await submit(backend, a_step(source="output 1"))
    give_status(machine, '{"phase": "Jumping"}')
    with pytest.raises(InvalidInput, match="no phase Jumping"):
        await elsewhere.access.runs.get(KEY)
    assert await elsewhere.access.runs.list("default") == ()

    other = Key("default", "order-2")
    await submit(backend, a_step(source="output 2"), name=other.name)
    async with driver_of(backend).driving():
        assert (await until(elsewhere, finished, other)).status.output == 2

    poisoned = await elsewhere.access.runs.get(KEY)
    assert (poisoned.status.phase, poisoned.status.finished_at is None) == ("Failed", False)
    assert poisoned.status.error
    assert poisoned.status.error.code == "INVALID_INPUT"
    assert "status.phase: Value error, there is no phase Jumping" in poisoned.status.error.reason


async def test_a_gate_is_opened_from_another_process_and_the_record_says_who_opened_it(
    backend: LocalBackend, elsewhere: LocalBackend
):
    async with driver_of(backend).driving():
        await submit(backend, a_gate("release", "lead@example.com"), a_step(source="output 1", needs=("release",)))
        gate = Key("default", (await asked(elsewhere, "release")).metadata.name)
        await answer_approval(elsewhere.access, gate, Verdict.APPROVE, "go on")
        run = await until(elsewhere, finished)

    assert run.status.phase == "Succeeded"
    request = await elsewhere.access.approvals.get(gate)
    assert [(vote.by, vote.client) for vote in request.spec.decisions] == [("alice", "local")]
    assert request.status.phase == "Approved"
    assert "selfApproved" in (request.status.reason or "")


async def test_a_rejection_ends_the_run(backend: LocalBackend):
    async with driver_of(backend).driving():
        await submit(backend, a_gate("release"), a_step(needs=("release",)))
        gate = Key("default", (await asked(backend, "release")).metadata.name)
        await answer_approval(backend.access, gate, Verdict.REJECT, "too dear")
        run = await until(backend, finished)

    assert run.status.error is not None
    assert run.status.error.code == "REJECTED"
    reason = (await backend.access.approvals.get(gate)).status.reason
    assert "selfApproved" not in (reason or "")


async def test_a_cancelled_run_leaves_no_process(
    machine: Machine, backend: LocalBackend, elsewhere: LocalBackend, marks: Marks
):
    async with driver_of(backend).driving():
        await submit(backend, endless(machine))
        await eventually(marks)
        await elsewhere.access.runs.request_cancel(KEY)
        run = await until(elsewhere, finished)
        await eventually(lambda: not machine.living())

    assert run.status.phase == "Cancelled"


async def test_one_driver_at_a_time_and_who_stands_by_takes_over(backend: LocalBackend, elsewhere: LocalBackend):
    async with AsyncExitStack() as first:
        await first.enter_async_context(driver_of(backend).driving())
        await submit(backend, a_step(), name="order-0")
        await until(backend, finished, Key("default", "order-0"))
        assert await driver_of(elsewhere).drive(idle_seconds=0) is False

        async with driver_of(elsewhere).driving():
            await first.aclose()
            await submit(backend, a_step(source="output 1"))
            run = await until(backend, finished)

    assert run.status.output == 1


async def test_a_driver_leaves_when_nothing_is_unfinished(backend: LocalBackend):
    driver = driver_of(backend)
    await submit(backend, a_step())

    assert await driver.drive(idle_seconds=0) is True

    assert (await backend.access.runs.get(KEY)).status.phase == "Succeeded"
    assert driver.unfinished() == ()


async def test_a_run_submitted_while_the_driver_leaves_is_not_forgotten(backend: LocalBackend):
    class LeavingLock(DriverLock):
        """Just before the lock is released, somebody who sees it taken submits a run."""

        def release(self) -> None:
            if not submitted:
                submitted.append(runs.insert(a_run(a_spec(a_step(source="output 1")))))
            super().release()

    submitted: list[WorkflowRun] = []
    runs = run_table(backend._database, SystemClock(), lambda: "uid1")
    handler = driver_of(backend)._queue._handler
    lock = LeavingLock(backend._directory)
    driver = LocalDriver(backend._store, backend.runner, lock, handler, SystemClock())

    await driver.drive(idle_seconds=0)

    assert submitted
    assert (await backend.access.runs.get(KEY)).status.output == 1


async def test_what_a_killed_driver_left_running_of_a_finished_run_is_stopped(
    machine: Machine, backend: LocalBackend, elsewhere: LocalBackend, marks: Marks
):
    async with driver_of(backend).driving():
        await submit(backend, endless(machine))
        await eventually(marks)
    run = await elsewhere.access.runs.get(KEY)
    steps = {"work": run.status.steps["work"].model_copy(update={"phase": "Cancelled"})}
    await elsewhere.ledger.save_status(run, run.status.model_copy(update={"phase": "Cancelled", "steps": steps}))
    assert machine.living()

    await driver_of(elsewhere).drive(idle_seconds=0)

    assert not machine.living()


async def test_a_detached_driver_is_started_unless_there_is_one(machine: Machine, marks: Marks):
    machine.directory.create()
    script = f"open('{machine.folder}/marks', 'a').write('driver\\n')"
    detached = DetachedDriver(machine.directory, [sys.executable, "-I", "-S", "-c", script])
    lock = DriverLock(machine.directory)

    assert lock.acquire()
    detached.ensure()
    lock.release()
    detached.ensure()
    await eventually(marks)

    assert marks() == ["driver"]


async def test_a_detached_driver_has_the_lock_before_it_has_started(machine: Machine, marks: Marks):
    machine.directory.create()
    script = f"import time; open('{machine.folder}/marks', 'a').write('driver\\n'); time.sleep(0.5)"
    command = [sys.executable, "-I", "-S", "-c", script]

    for one in [DetachedDriver(machine.directory, command) for _ in range(5)]:
        one.ensure()
    await eventually(marks)
    await eventually(DriverLock(machine.directory).acquire)

    assert marks() == ["driver"]


async def test_a_run_goes_on_where_it_stood_when_its_driver_was_killed(
    machine: Machine, elsewhere: LocalBackend, marks: Marks
):
    go = machine.folder / "go"
    mark = f'echo "$PENSTOCK_STEP" >> {machine.folder}/marks'
    await submit(
        elsewhere,
        a_step("first", f"{mark}\nuntil [ -e {go} ]; do sleep 0.02; done\noutput 1"),
        a_step("second", f'{mark}\noutput "after $(step_output first)"', needs=("first",)),
    )
    driver = await start_driver(machine)
    await eventually(marks)
    driver.kill()
    await driver.wait()
    assert machine.living()

    driver = await start_driver(machine)
    go.touch()
    run = await until(elsewhere, finished)
    await driver.wait()

    assert run.status.output == "after 1"
    assert marks() == ["first", "second"]


async def start_driver(machine: Machine) -> asyncio.subprocess.Process:
    module = "tests.integration.local.driver_process"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, str(machine.directory.root), "0", cwd=REPOSITORY
    )


def test_a_run_ends_the_same_wherever_its_driver_is_killed(tmp_path: Path):
    command = [sys.executable, "-m", "tests.integration.local.crash_trials", str(tmp_path), "12"]
    trials = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=100)
    told = [json.loads(line) for line in trials.stdout.splitlines()]

    assert len([trial for trial in told if trial["killed"]]) > 6
    for trial in told:
        assert trial["phase"] == "Succeeded", trial
        assert trial["marks"] == ["calm 1", "first 1", "flaky 1", "flaky 2", "last 1"], trial
