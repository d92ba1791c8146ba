"""Runs of one Workflow beside each other, through the reconcile loop: who begins, who waits, who is asked to stop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Concurrency
from penstock.application.neighbours import LINGER, Neighbours
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import SOFT_WRITE_EVERY, Reconciler
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.memory_runner import succeeded
from penstock.testing.memory_world import CannedEvaluator, MemoryWorld

IMAGES = {"bash": ""}


class Shop:
    """A world in which runs are asked for, and looked at when they are woken."""

    def __init__(self, answers=None, **limits) -> None:
        self.world = MemoryWorld()
        self.answers = answers
        self.workflow = a_workflow(
            a_step("work"), finally_=(a_step("audit"),), concurrency=Concurrency(**limits) if limits else None
        )
        self.take_over()

    def take_over(self) -> None:
        """A new process, which knows what is stored."""
        neighbours = Neighbours()
        self.woken: list[Key] = []
        neighbours.subscribe(self.woken.append)
        for run in self.world.runs.all():
            neighbours.notice(run)
        engine = self.world.engine(CannedEvaluator(self.answers))
        self.reconciler = Reconciler(engine, PlanBook(IMAGES, lambda text: None), neighbours=neighbours)

    async def ask(self, *names: str, **fields) -> None:
        access = self.world.access("bob")
        await access.workflows.apply(self.workflow)
        for name in names:
            self.world.clock.advance(timedelta(seconds=1))
            await access.runs.create(a_run(self.workflow, name=name, **fields))
        await self.look(*names)

    async def look(self, *names: str):
        """A pass over each of them, and over whoever is woken by it."""
        when = None
        for name in names:
            when = await self.reconciler.reconcile(Key("default", name))
        while self.woken:
            await self.reconciler.reconcile(self.woken.pop(0))
        return when

    async def end(self, name: str, *steps: str) -> None:
        """The program of each step ends well, one after the other."""
        for step in steps or ("work", "audit"):
            self.world.runner.end(self.run(name), step, succeeded())
            await self.look(name)

    def run(self, name: str) -> WorkflowRun:
        return self.world.runs.get(Key("default", name))

    def phases(self, *names: str) -> list[str]:
        return [self.run(name).status.phase for name in names]

    def told(self, name: str) -> list[str]:
        return [event.reason for event in self.world.events.told if event.about == name]


async def test_runs_wait_for_each_other_in_order():
    shop = Shop(limit=1)
    await shop.ask("a", "b", "c")
    assert shop.phases("a", "b", "c") == ["Running", "Pending", "Pending"]
    assert shop.run("b").status.waiting_for == "its turn: it is next, a is under way (limit 1)"
    assert shop.run("c").status.waiting_for == "its turn: 1 run is ahead of it, a is under way (limit 1)"
    assert shop.run("c").status.steps == {}
    assert shop.told("b") == ["RunQueued"]

    await shop.end("a")

    assert shop.phases("a", "b", "c") == ["Succeeded", "Running", "Pending"]
    assert shop.run("b").status.waiting_for is None
    assert len(shop.world.runner.starts) == len(set(shop.world.runner.starts)) == 3


async def test_the_place_in_line_is_told_again_when_there_is_time():
    shop = Shop(limit=1)
    await shop.ask("a", "b", "c")
    await shop.end("a")
    assert "1 run is ahead" in shop.run("c").status.waiting_for
    shop.world.clock.advance(SOFT_WRITE_EVERY)
    await shop.look("c")
    assert shop.run("c").status.waiting_for == "its turn: it is next, b is under way (limit 1)"


async def test_a_run_that_waits_is_pinned_to_the_content_it_was_asked_for():
    shop = Shop(limit=1)
    await shop.ask("a", "b")
    pinned = shop.run("b").status.revision
    await shop.world.access("bob").workflows.apply(a_workflow(a_step("other")))
    await shop.end("a")
    assert shop.run("b").status.revision == pinned
    assert set(shop.run("b").status.steps) == {"work", "audit"}


async def test_each_key_has_its_own_limit():
    shop = Shop(answers={"context.region": "eu"}, limit=1, key="context.region")
    await shop.ask("a", "b")
    assert shop.phases("a", "b") == ["Running", "Pending"]
    assert shop.run("b").status.concurrency_key == "eu"
    shop.answers["context.region"] = "us"
    shop.take_over()
    await shop.ask("c")
    assert shop.phases("c") == ["Running"]


async def test_another_process_goes_on_where_the_first_stood():
    shop = Shop(limit=1)
    await shop.ask("a", "b", "c")
    shop.take_over()
    await shop.look("c", "b", "a")
    assert shop.phases("a", "b", "c") == ["Running", "Pending", "Pending"]
    await shop.end("a")
    assert shop.phases("b", "c") == ["Running", "Pending"]


async def test_reject():
    shop = Shop(limit=1, on_limit="reject")
    await shop.ask("a", "b")
    assert shop.phases("a", "b") == ["Running", "Failed"]
    assert shop.run("b").status.error.code == "CONCURRENCY_LIMIT"
    await shop.end("a")
    await shop.ask("c")
    assert shop.phases("c") == ["Running"]


async def test_replace_waits_until_the_older_ones_have_ended_with_their_finally():
    shop = Shop(limit=1, on_limit="replace")
    await shop.ask("a", "b")
    assert shop.run("a").spec.cancel
    assert shop.phases("b") == ["Pending"]
    assert "b takes its place" in [event.message for event in shop.world.events.told if event.about == "a"][-1]

    await shop.look("a")
    assert shop.phases("a", "b") == ["Running", "Pending"]

    await shop.look("a")
    await shop.end("a", "audit")
    assert shop.phases("a", "b") == ["Cancelled", "Running"]


async def test_the_newest_of_several_takes_the_place():
    shop = Shop(limit=1, on_limit="replace")
    await shop.ask("a", "b", "c")
    await shop.look("b")
    assert shop.phases("b") == ["Cancelled"]
    await shop.look("a")
    await shop.look("a")
    await shop.end("a", "audit")
    assert shop.phases("a", "b", "c") == ["Cancelled", "Cancelled", "Running"]
    assert not shop.run("c").spec.cancel


async def test_what_still_lives_of_a_finished_run_keeps_its_turn():
    shop = Shop(limit=1)
    shop.workflow = a_workflow(a_step("work"), concurrency=Concurrency(limit=1))
    stopping = []
    shop.world.runner.stop = lambda run, command: _note(stopping, command)
    await shop.ask("a", "b")
    await shop.world.access("bob").runs.request_cancel(Key("default", "a"))
    when = await shop.look("a")
    assert stopping
    assert shop.phases("a", "b") == ["Cancelled", "Pending"]
    assert when == shop.run("a").status.finished_at + LINGER

    shop.world.runner.end(shop.run("a"), "work", succeeded())
    await shop.look("a")

    assert shop.phases("b") == ["Running"]


async def test_what_never_ends_does_not_keep_it_for_ever():
    shop = Shop(limit=1)
    shop.workflow = a_workflow(a_step("work"), concurrency=Concurrency(limit=1))
    shop.world.runner.stop = lambda run, command: _note([], command)
    await shop.ask("a", "b")
    await shop.world.access("bob").runs.request_cancel(Key("default", "a"))
    await shop.look("a")
    shop.world.clock.advance(LINGER)
    await shop.look("a")
    assert shop.phases("b") == ["Running"]


async def _note(notes, command):
    notes.append(command)


@pytest.mark.parametrize("limits", [{}, {"limit": 1}], ids=["no limit", "a limit"])
async def test_one_idempotency_key_is_one_run_under_whatever_names(limits):
    shop = Shop(**limits)
    await shop.ask("a", "b", idempotency_key="march")
    assert shop.phases("a", "b") == ["Running", "Failed"]
    assert shop.run("b").status.error.code == "IDEMPOTENCY_KEY_USED"
    assert "run a" in shop.run("b").status.error.reason
    await shop.end("a")
    shop.take_over()
    await shop.ask("c", idempotency_key="march")
    assert shop.phases("a", "c") == ["Succeeded", "Failed"]


async def test_a_key_is_free_again_when_its_run_is_gone():
    shop = Shop()
    await shop.ask("a", "b", idempotency_key="march")
    await shop.end("a")
    shop.world.runs.remove(Key("default", "a"))
    shop.take_over()
    await shop.ask("c", idempotency_key="march")
    assert shop.phases("c") == ["Running"]


async def test_a_run_that_has_begun_has_its_key_whoever_was_created_first():
    """Moments of creation are whole seconds in a cluster, and UIDs are in no order."""
    shop = Shop()
    await shop.ask("b", idempotency_key="march")
    early = a_run(shop.workflow, name="a", idempotency_key="march")
    made = await shop.world.access("bob").runs.create(early)
    older = made.metadata.model_copy(update={"creation_timestamp": made.metadata.creation_timestamp - timedelta(1)})
    shop.world.runs.replace(made.model_copy(update={"metadata": older}))
    await shop.look("a")
    assert shop.phases("a", "b") == ["Failed", "Running"]


async def test_keys_of_different_workflows_have_nothing_to_do_with_each_other():
    shop = Shop()
    await shop.ask("a", idempotency_key="march")
    shop.workflow = a_workflow(a_step("work"), name="report")
    await shop.ask("b", idempotency_key="march")
    assert shop.phases("a", "b") == ["Running", "Running"]
