"""Finished runs go when their time has come, in both senses: not before, and not all at once."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.run import ParentReference, WorkflowRunStatus
from penstock.application.janitor import LATER, Holdings, Janitor, Shelf
from penstock.application.neighbours import Neighbours
from penstock.application.retention import Policy
from penstock.errors import Forbidden, InvalidInput, NotPossible, Unavailable
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_workflow
from penstock.testing.memory_world import MemoryWorld

WEEK, MONTH, SECOND, TEN = timedelta(days=7), timedelta(days=30), timedelta(seconds=1), timedelta(seconds=10)
ORDER = Shelf("default", "order")


class House:
    """A world with finished runs, and a janitor."""

    def __init__(self, retention: Retention | None = None, **defaults: object) -> None:
        self.world = MemoryWorld()
        self.neighbours = Neighbours()
        self.refusals: dict[str, Exception] = {}
        self.woken: list[Shelf] = []
        self.rests = 0
        self.access = self.world.access("bob")
        self.retention = retention
        self.janitor = self.new_janitor(Policy(WEEK, MONTH, **defaults))

    def new_janitor(self, policy: Policy) -> Janitor:
        world = self.world
        holdings = Holdings(
            runs=world.ledger,
            workflows=world.schedules,
            revisions=world.revisions,
            delete=self._delete,
            needed=self.neighbours.needed,
            clock=world.clock,
        )
        janitor = Janitor(holdings, policy, self._rest)
        janitor.subscribe(self.woken.append)
        return janitor

    async def _rest(self) -> None:
        self.rests += 1

    async def _delete(self, run) -> None:
        if run.metadata.name in self.refusals:
            raise self.refusals[run.metadata.name]
        await self.access.runs.delete(run)

    async def apply(self, retention: Retention | None) -> None:
        await self.access.workflows.apply(a_workflow(retention=retention))

    async def run(self, name: str, phase: str = "Succeeded", of="order", **spec):
        if not self.world.workflows.all():
            await self.apply(self.retention)
        await self.world.ledger.create(a_run(of, name=name, **spec))
        return await self.becomes(name, phase)

    async def becomes(self, name: str, phase: str):
        run = self.world.runs.get(Key("default", name))
        finished = None if phase in ("Pending", "Running", "Waiting") else self.world.clock.now()
        revision = run.status.revision
        if run.spec.workflow is not None and revision is None:
            revision = (await self.world.revisions.content(run)).revision
        status = WorkflowRunStatus(phase=phase, finished_at=finished, revision=revision)
        saved = await self.world.ledger.save_status(run, status)
        self.neighbours.notice(saved)
        self.janitor.notice(saved)
        return saved

    async def look(self, after: timedelta = timedelta(0), shelf: Shelf = ORDER) -> datetime | None:
        """Look again and again for as long as it says that there is something to do now."""
        self.world.clock.advance(after)
        while (again := await self.janitor.look(shelf)) == self.world.clock.now():
            pass
        return again

    @property
    def names(self) -> list[str]:
        return [run.metadata.name for run in self.world.runs.all()]

    @property
    def now(self) -> datetime:
        return self.world.clock.now()


@pytest.mark.parametrize(
    ("phase", "span"), [("Succeeded", WEEK), ("Failed", MONTH), ("Cancelled", MONTH), ("TimedOut", MONTH)]
)
async def test_a_run_goes_when_its_time_has_come_and_not_before(phase, span):
    house = House()
    await house.run("a", phase)
    due = house.now + span
    assert await house.look(span - SECOND) == due
    assert house.names == ["a"]
    assert await house.look(SECOND) is None
    assert house.names == []


@pytest.mark.parametrize("phase", ["Pending", "Running", "Waiting"])
async def test_an_unfinished_run_never_goes(phase):
    house = House(Retention(succeeded="10s", failed="10s", keep=1))
    await house.run("a", phase)
    await house.run("b")
    await house.run("c")
    await house.look(timedelta(days=400))
    assert house.names == ["a"]


async def test_the_workflow_decides_and_may_change_its_mind():
    house = House(Retention(succeeded="1h"))
    await house.run("a")
    await house.apply(Retention(succeeded="2h"))
    house.woken.clear()
    house.janitor.workflow_changed(Key("default", "order"))
    house.janitor.workflow_changed(Key("default", "another"))
    assert house.woken == [ORDER]
    await house.look(timedelta(minutes=90))
    assert house.names == ["a"]
    await house.apply(Retention(succeeded="1h"))
    await house.look()
    assert house.names == []


async def test_an_inline_run_says_it_itself_and_is_not_counted():
    house = House(keep=1)
    said = Retention(succeeded="1h")
    await house.run("a", of=a_spec(retention=said))
    await house.run("b", of=a_spec())
    await house.run("c", of=a_spec())
    await house.look(timedelta(hours=1), Shelf("default", "", said))
    assert house.names == ["b", "c"]
    await house.look(shelf=Shelf("default", ""))
    assert house.names == ["b", "c"]


async def test_too_many_of_the_oldest_go_but_none_before_it_was_seen():
    house = House(Retention(keep=2))
    for name, phase in (("a", "Succeeded"), ("b", "Failed"), ("c", "Succeeded"), ("d", "Succeeded")):
        await house.run(name, phase)
        house.world.clock.advance(SECOND)
    assert await house.look() == house.now - 4 * SECOND + TEN
    assert house.names == ["a", "b", "c", "d"]
    await house.look(timedelta(minutes=1))
    assert house.names == ["c", "d"]


async def test_one_after_the_other_with_a_rest_between():
    house = House()
    for number in range(3):
        await house.run(f"run-{number}")
        house.world.clock.advance(SECOND)
    house.world.clock.advance(MONTH)
    assert await house.janitor.look(ORDER) == house.now
    assert (house.names, house.rests) == (["run-1", "run-2"], 1)
    await house.look()
    assert (house.names, house.rests) == ([], 3)


async def test_of_ten_thousand_that_are_due_one_look_reads_and_removes_one():
    house = House()
    template = await house.run("a")
    for number in range(10_000):
        metadata = template.metadata.model_copy(update={"name": f"run-{number}", "uid": f"uid-{number}"})
        ended = template.status.model_copy(update={"finished_at": house.now + number * SECOND})
        house.janitor.notice(template.model_copy(update={"metadata": metadata, "status": ended}))
    read: list[Key] = []
    load = house.world.ledger.load

    async def counted(key: Key):
        read.append(key)
        return await load(key)

    house.world.ledger.load = counted
    house.world.clock.advance(MONTH)
    assert await house.janitor.look(ORDER) == house.now
    assert (read, house.rests) == ([Key("default", "a")], 1)


@pytest.mark.parametrize("error", [Unavailable("away"), Forbidden("no"), RuntimeError("a bug")])
async def test_a_removal_that_fails_does_not_stop_the_others(error):
    house = House()
    await house.run("a")
    house.world.clock.advance(SECOND)
    await house.run("b")
    house.refusals["a"] = error
    house.world.clock.advance(MONTH)
    with pytest.raises(type(error)):
        await house.janitor.look(ORDER)
    assert await house.look() == house.now + LATER
    assert house.names == ["a"]
    house.refusals.clear()
    assert await house.look(LATER) is None
    assert house.names == []


async def test_what_still_ends_is_tried_again():
    house = House()
    await house.run("a")
    house.refusals["a"] = NotPossible("it has a process that still ends")
    house.world.clock.advance(WEEK)
    assert await house.look() == house.now + LATER
    house.refusals.clear()
    await house.look(LATER)
    assert house.names == []


async def test_a_run_stays_until_the_one_that_retries_it_has_ended():
    house = House()
    await house.run("a", "Failed")
    await house.run("b", "Running", retry_of="a")
    assert await house.look(MONTH) == house.now + LATER
    await house.becomes("b", "Succeeded")
    await house.look(LATER)
    assert house.names == ["b"]


async def child(house: House, name: str, of: str, phase: str) -> None:
    above = house.world.runs.get(Key("default", of)).metadata
    parent = ParentReference(run=of, uid=above.uid, step="a", attempt=1, digest="d", lineage=())
    await house.run(name, phase, parent=parent)


async def test_a_run_of_a_step_goes_with_the_run_above_it():
    house = House(keep=1)
    await house.run("top")
    await child(house, "step", "top", "Succeeded")
    await house.look(timedelta(days=1))
    assert house.names == ["top", "step"]
    await house.look(MONTH)
    assert house.names == ["step"]  # which goes with it: the store's business


async def test_a_run_stays_while_one_far_below_it_lives():
    house = House()
    await house.run("top", "TimedOut")
    await child(house, "step", "top", "Succeeded")
    await child(house, "below", "step", "Running")
    assert await house.look(MONTH) == house.now + LATER
    await house.becomes("below", "Cancelled")
    await house.look(LATER)
    assert "top" not in house.names


async def test_a_run_stays_while_a_run_of_its_steps_is_retried():
    house = House()
    await house.run("top", "Failed")
    await child(house, "step", "top", "Failed")
    await house.run("again", "Pending", retry_of="step")
    await house.look(MONTH)
    assert house.names == ["top", "step", "again"]


async def test_a_workflow_that_is_gone_has_the_last_word_all_the_same():
    house = House(Retention(succeeded="300d"))
    await house.run("a")
    house.world.workflows.remove(Key("default", "order"))
    await house.look(MONTH)
    assert house.names == ["a"]
    await house.look(timedelta(days=270))
    assert house.names == []


async def test_a_run_that_never_knew_its_workflow_goes_by_the_installation():
    house = House()
    await house.run("a", of=a_spec())  # the first one makes the Workflow
    house.world.workflows.remove(Key("default", "order"))
    run = a_run(name="b")
    await house.world.ledger.create(run)
    status = WorkflowRunStatus(phase="Failed", finished_at=house.now)
    house.janitor.notice(await house.world.ledger.save_status(house.world.runs.get(Key("default", "b")), status))
    await house.look(MONTH)
    assert house.names == ["a"]


async def test_where_nobody_can_tell_nothing_goes():
    house = House()
    await house.run("a")
    house.world.workflows.remove(Key("default", "order"))

    async def unreadable(_run):
        raise InvalidInput("no revision of a Workflow")

    house.world.revisions.content = unreadable
    assert await house.look(timedelta(days=400)) is None
    assert house.names == ["a"]


async def test_a_run_that_somebody_else_removed_is_forgotten():
    house = House()
    gone = await house.run("a")
    house.world.runs.remove(Key("default", "a"))
    await house.run("a")
    assert await house.look(WEEK) is None
    assert house.names == []
    house.janitor.gone(gone.metadata.uid)


async def test_whoever_takes_over_finds_everything_again():
    house = House()
    for name in ("a", "b"):
        await house.run(name)
    house.world.clock.advance(WEEK)
    house.janitor = house.new_janitor(Policy(WEEK, MONTH))
    for run in house.world.runs.all():
        house.janitor.notice(run)
        house.janitor.notice(run)
    await house.look()
    assert house.names == []
