"""Finished runs of a data directory go while a driver works: rows, kept outputs and files."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.driver import LocalDriver
from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.run import ParentReference, WorkflowReference, WorkflowRun, WorkflowRunStatus
from penstock.api.v1alpha1.workflow import Revision
from penstock.application.neighbours import Neighbours
from penstock.application.retention import Policy
from penstock.engine.commands import StoreOutput
from penstock.engine.model import OutputRef
from penstock.errors import NotPossible
from penstock.ports.access import Key
from penstock.testing.builders import a_gate, a_run, a_spec, a_step, a_workflow
from tests.integration.local.assembly import driver_of, open_backend
from tests.integration.local.conftest import Machine
from tests.support.eventually import eventually

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
WEEK = Policy(timedelta(days=7), timedelta(days=7))


@pytest.fixture
def backend(machine: Machine) -> LocalBackend:
    opened = open_backend(machine.directory.root, grace_seconds=0.3)
    machine.opened.append(opened)
    return opened


def cleaning(backend: LocalBackend, otherwise: Policy) -> LocalDriver:
    driver = driver_of(backend)
    driver.clean_with(backend.clean_up(Neighbours(), otherwise))
    return driver


async def ended(
    backend: LocalBackend, name: str, phase: str = "Succeeded", at: datetime = LONG_AGO, **spec
) -> WorkflowRun:
    await backend.ledger.create(a_run(name=name, **spec))
    run = await backend.access.runs.get(Key("default", name))
    status = WorkflowRunStatus(phase=phase, finished_at=None if phase == "Running" else at)
    return await backend.ledger.save_status(run, status)


async def names(backend: LocalBackend) -> list[str]:
    return sorted(run.metadata.name for run in await backend.access.runs.list("default"))


def listed(machine: Machine) -> list[str]:
    with sqlite3.connect(machine.directory.database) as database:
        return sorted(row[0] for row in database.execute("SELECT name FROM objects WHERE kind = 'WorkflowRun'"))


def rows(machine: Machine, table: str) -> int:
    with sqlite3.connect(machine.directory.database) as database:
        return int(database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])


async def test_what_is_old_goes_with_all_that_belongs_to_it(machine: Machine, backend: LocalBackend):
    await backend.access.workflows.apply(a_workflow(a_step(source="echo hello"), a_gate("release", needs=("work",))))
    await backend.access.runs.create(a_run(name="old"))
    async with driver_of(backend).driving():
        await eventually(lambda: rows(machine, "objects WHERE kind = 'ApprovalRequest'"))
        await backend.access.runs.request_cancel(Key("default", "old"))
        await eventually(lambda: rows(machine, "objects WHERE kind = 'WorkflowRun' AND finished"), seconds=20)
    run = await backend.access.runs.get(Key("default", "old"))
    await backend.outputs.store(run, StoreOutput(OutputRef("large", "d", 9), "x" * 7, b'"xxxxxxx"'))
    long_ago = run.status.model_copy(update={"finished_at": LONG_AGO})
    await backend.ledger.save_status(run, long_ago)
    folder = machine.directory.run(run.metadata.uid)
    assert folder.exists()
    await ended(backend, "new", at=datetime.now(UTC))  # noqa: TID251  the driver's clock is this machine's

    async with cleaning(backend, WEEK).driving():
        await eventually(lambda: listed(machine) == ["new"])
        await eventually(lambda: not folder.exists())

    left = {table: rows(machine, table) for table in ("attempts", "outputs", "objects WHERE kind = 'ApprovalRequest'")}
    assert set(left.values()) == {0}, left


async def test_what_a_workflow_says_holds_at_once_and_what_it_does_not_say_for_ever(
    machine: Machine, backend: LocalBackend
):
    elsewhere = machine.open()
    for name in ("report", "order"):
        await backend.access.workflows.apply(a_workflow(name=name))
    await backend.access.workflows.apply(a_workflow(name="last", retention=Retention(succeeded="1d")))
    await ended(backend, "kept", of="report")
    await ended(backend, "a")
    await ended(backend, "b", "Failed")
    await ended(backend, "looked-at-last", of="last")

    async with cleaning(backend, Policy()).driving():
        await eventually(lambda: listed(machine) == ["a", "b", "kept"])
        await elsewhere.access.workflows.apply(a_workflow(retention=Retention(failed="1d")))
        await eventually(lambda: listed(machine) == ["a", "kept"])


async def test_many_pages_of_finished_runs_are_taken_in(machine: Machine, backend: LocalBackend):
    await backend.access.workflows.apply(a_workflow(retention=Retention(keep=240)))
    for number in range(250):
        await ended(backend, f"run-{number:03}", at=LONG_AGO + timedelta(minutes=number))

    async with cleaning(backend, Policy()).driving():
        await eventually(lambda: len(listed(machine)) == 240, seconds=20)

    assert listed(machine)[0] == "run-010"


async def test_files_of_runs_that_are_gone_go_with_the_next_driver(machine: Machine, backend: LocalBackend):
    there = machine.directory.run((await ended(backend, "there")).metadata.uid)
    gone = machine.directory.run("of-a-run-that-is-gone")
    for folder in (there, gone):
        _make(folder)

    async with cleaning(backend, Policy()).driving():
        await eventually(lambda: not gone.exists())

    assert (there / "work-1.log").exists()


async def test_what_nobody_can_read_stays_and_stops_neither_the_driver_nor_the_rest(
    machine: Machine, backend: LocalBackend
):
    await backend.access.workflows.apply(a_workflow(name="report"))
    for name in ("unreadable", "old"):
        await ended(backend, name)
    await backend.revisions.current(Key("default", "report"))
    with sqlite3.connect(machine.directory.database) as database:
        database.execute("UPDATE objects SET body = json_set(body, '$.spec.new', 1) WHERE name = 'unreadable'")
        database.execute("UPDATE objects SET body = json_set(body, '$.spec.new', 1) WHERE name = 'report'")

    async with cleaning(backend, WEEK).driving():
        await eventually(lambda: listed(machine) == ["unreadable"])
        await backend.access.runs.create(a_run(a_spec(a_step(source="output 1")), name="new"))
        await eventually(lambda: rows(machine, "objects WHERE name = 'new' AND finished"), seconds=20)

    assert rows(machine, "revisions") == 1


async def below(backend: LocalBackend, name: str, top: WorkflowRun, phase: str) -> WorkflowRun:
    above = ParentReference(
        run=top.metadata.name, uid=top.metadata.uid, step="work", attempt=1, digest="d", lineage=("order",)
    )
    return await ended(backend, name, phase, parent=above)


async def test_runs_of_steps_go_with_the_run_above_them(machine: Machine, backend: LocalBackend):
    top = await ended(backend, "top")
    middle = await below(backend, "middle", top, "Succeeded")
    lowest = await below(backend, "lowest", middle, "Failed")
    await ended(backend, "another")
    folders = [machine.directory.run(run.metadata.uid) for run in (top, middle, lowest)]
    for folder in folders:
        _make(folder)

    await backend.access.runs.delete(top)

    assert await names(backend) == ["another"]
    assert not any(folder.exists() for folder in folders)


def _make(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "work-1.log").write_text("hello")


async def test_a_run_is_not_deleted_while_one_below_it_lives_or_is_retried(backend: LocalBackend):
    top = await ended(backend, "top")
    middle = await below(backend, "middle", top, "Failed")
    lowest = await below(backend, "lowest", middle, "Running")

    with pytest.raises(NotPossible, match="lowest"):
        await backend.access.runs.delete(top)

    await backend.ledger.save_status(lowest, WorkflowRunStatus(phase="Cancelled", finished_at=LONG_AGO))
    retry = await ended(backend, "again", "Running", retry_of="middle")
    with pytest.raises(NotPossible, match="middle is retried by run again"):
        await backend.access.runs.delete(top)

    await backend.ledger.save_status(retry, WorkflowRunStatus(phase="Failed", finished_at=LONG_AGO))
    await backend.access.runs.delete(top)
    assert await names(backend) == ["again"]


async def test_old_contents_of_a_workflow_go_but_for_those_that_a_run_names(machine: Machine, backend: LocalBackend):
    names = []
    for number in range(4):
        await backend.access.workflows.apply(a_workflow(a_step(source=f"echo {number}")))
        content = await backend.revisions.current(Key("default", "order"))
        assert content.revision is not None
        names.append(content.revision.name)
    pinned = await ended(backend, "pinned", at=datetime.now(UTC))  # noqa: TID251  the driver's clock is this machine's
    await backend.ledger.save_status(
        pinned, pinned.status.model_copy(update={"revision": Revision(name=names[1], digest="sha256:1")})
    )
    asking = a_run(name="asking")
    named = WorkflowReference(name="order", revision=names[2])
    await backend.ledger.create(asking.model_copy(update={"spec": asking.spec.model_copy(update={"workflow": named})}))
    about_to = await ended(backend, "about-to-be-pinned", "Running")

    backend.revisions.drop_old()
    assert rows(machine, "revisions") == 4

    await backend.ledger.save_status(
        about_to, about_to.status.model_copy(update={"phase": "Failed", "finished_at": LONG_AGO})
    )
    asked = await backend.access.runs.get(Key("default", "asking"))
    await backend.ledger.save_status(
        asked, WorkflowRunStatus(phase="Running", revision=Revision(name=names[2], digest="sha256:2"))
    )
    async with cleaning(backend, WEEK).driving():
        await eventually(lambda: rows(machine, "revisions") == 3)

    assert rows(machine, f"revisions WHERE name = '{names[0]}'") == 0
