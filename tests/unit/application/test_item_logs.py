"""What was printed about one item: found without knowing which pod ran it, and how often."""

from __future__ import annotations

import asyncio

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.workflow import Backoff, Retry
from penstock.application.log_page import log_page
from penstock.application.plans import PlanBook
from penstock.application.read_step_log import StepLog, read_step_log
from penstock.application.reconcile_run import Reconciler
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock.ports.logs import LogCursor
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.memory_runner import bad, good, items, succeeded
from penstock.testing.memory_world import MemoryWorld

KEY = Key("default", "order-1")
ROWS = {"rows": ["a", "b", "c", "d", "e"]}


class Stage:
    """A run over five rows, two in a pod, one pod at a time; each row is tried twice."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.access = self.world.access("bob")
        self.reconciler = Reconciler(self.world.engine(CelEvaluator()), PlanBook({"bash": ""}, lambda text: None))

    async def begin(self) -> Stage:
        again = Retry(limit=1, backoff=Backoff(initial="0s"))
        step = a_step("each", for_each="context.rows", items_per_pod=2, max_parallel=1, retry=again)
        await self.access.workflows.apply(a_workflow(step))
        self.run = await self.access.runs.create(a_run(context=ROWS))
        return self

    async def look(self, times: int = 1) -> None:
        for _ in range(times):
            await self.reconciler.reconcile(KEY)

    async def log(self, item: int | None, **wanted) -> str:
        pieces = [
            piece.data async for piece in read_step_log(self.access, self.run, StepLog("each", item=item, **wanted))
        ]
        return b"".join(pieces).decode()


@pytest.fixture
async def stage() -> Stage:
    return await Stage().begin()


async def test_an_items_log_is_that_of_its_batch_through_all_its_attempts(stage: Stage):
    stage.world.runner.will(
        "each",
        items(good(0), bad(1), printed=b"first\n"),
        items(bad(1), printed=b"again\n"),
        items(good(2), good(3), printed=b"second\n"),
    )
    await stage.look(4)
    assert [await stage.log(item) for item in (0, 1)] == ["first\nagain\n"] * 2
    assert await stage.log(1, attempt=2) == "again\n"


async def test_the_log_of_a_pod_that_runs_is_followed_to_the_end_of_its_batch(stage: Stage):
    stage.world.runner.will("each", items(good(0), good(1), printed=b"first\n"))
    stage.world.runner.will_say("each", b"")
    await stage.look(2)
    read = asyncio.create_task(_followed(stage, 3))
    await asyncio.sleep(0)
    stage.world.runner.say(stage.run, "each", b"begun\n")
    stage.world.runner.end(stage.run, "each", items(good(2), good(3), printed=b"done\n"))
    await stage.look()
    assert await asyncio.wait_for(read, 5) == "begun\ndone\n", "and not to the end of the step"


async def _followed(stage: Stage, item: int) -> str:
    wanted = StepLog("each", item=item)
    pieces = [piece.data async for piece in read_step_log(stage.access, stage.run, wanted, follow=True)]
    return b"".join(pieces).decode()


async def test_a_page_says_when_its_batch_will_print_no_more(stage: Stage):
    stage.world.runner.will("each", items(good(0), good(1), printed=b"0123456789"))
    await stage.look(2)
    page = await log_page(stage.access, stage.run, StepLog("each", item=1), 4)
    assert (page.data, page.skipped, page.complete, str(page.cursor)) == (b"6789", 6, True, "1-0:10")
    further = await log_page(stage.access, stage.run, StepLog("each", after=LogCursor.parse("1-0:8")), 4)
    assert (further.data, further.complete) == (b"89", True)
    running = await log_page(stage.access, stage.run, StepLog("each", item=2), 4)
    assert (running.data, running.complete) == (b"", False)


@pytest.mark.parametrize(
    ("item", "words"),
    [
        pytest.param(5, "no item 5; it has 5", id="too high"),
        pytest.param(None, "has the logs of 5 items; name one, from 0 on; failed: 1", id="none named"),
        pytest.param(4, "no attempt", id="one that was never run"),
    ],
)
async def test_what_there_is_not_is_said(stage: Stage, item, words):
    stage.world.runner.will("each", items(bad(1), good(0)), items(bad(1)))
    await stage.look(4)
    assert stage.world.runs.get(KEY).status.phase == "Failed"
    with pytest.raises(NotFound, match=words):
        await stage.log(item)


async def test_a_step_without_items_has_none(stage: Stage):
    await stage.access.workflows.apply(a_workflow(a_step("plain"), name="other"))
    stage.run = await stage.access.runs.create(a_run("other", name="other-1"))
    stage.world.runner.will("plain", succeeded())
    await stage.reconciler.reconcile(Key("default", "other-1"))
    with pytest.raises(NotFound, match="step plain of run other-1 has no items"):
        async for _ in read_step_log(stage.access, stage.run, StepLog("plain", item=0)):
            pass
