"""Retrying a finished run, by a person and by the loop that then takes over what succeeded."""

from __future__ import annotations

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Reconciler
from penstock.application.retry_run import retry_run
from penstock.errors import NotFound, NotPossible
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.memory_runner import bad, failed, good, items, succeeded
from penstock.testing.memory_world import MemoryWorld

KEY = Key("default", "order-1")
AGAIN = Key("default", "order-again")


class Stage:
    """A run of `a -> b` in which `b` failed."""

    def __init__(self) -> None:
        self.world = MemoryWorld()
        self.bob = self.world.access("bob")
        self.reconciler = Reconciler(self.world.engine(), PlanBook({"bash": ""}, lambda text: None))
        self.workflow = a_workflow(a_step("a"), a_step("b", needs=("a",)))

    async def fail(self, output=None, **fields):
        await self.bob.workflows.apply(self.workflow)
        await self.bob.runs.create(a_run(self.workflow, **fields))
        self.world.runner.will("a", succeeded(output or {"id": 7}))
        self.world.runner.will("b", failed())
        while not self.run().status.finished_at:
            await self.look(KEY)

    async def look(self, key):
        await self.reconciler.reconcile(key)

    def run(self, key=KEY) -> WorkflowRun:
        return self.world.runs.get(key)

    def lose_output(self):
        run = self.run()
        del self.world.outputs.texts[run.metadata.uid, run.status.steps["a"].output_ref.name]

    async def retry(self, user="bob"):
        return await retry_run(self.world.access(user), KEY, lambda: "again")


async def test_a_retry_does_what_was_left_with_the_outputs_of_what_succeeded():
    stage = Stage()
    await stage.fail()
    made = await stage.retry()
    assert (made.metadata.name, made.spec.retry_of) == ("order-again", "order-1")
    await stage.look(AGAIN)
    assert stage.run(AGAIN).status.steps["a"].carried
    assert stage.run(AGAIN).status.progress == "1/2"
    started = stage.world.runner.newest(made.metadata.uid, "b").command
    assert started.document["steps"] == {"a": {"phase": "Succeeded", "output": {"id": 7}}}


async def test_a_retry_runs_the_content_that_failed_whatever_was_edited_since():
    stage = Stage()
    await stage.fail()
    await stage.bob.workflows.apply(a_workflow(a_step("a"), a_step("b", needs=("a",), source="echo new")))
    made = await stage.retry()
    await stage.look(AGAIN)
    assert stage.world.runner.newest(made.metadata.uid, "b").command.program["source"] != "echo new"


async def test_whoever_retries_is_the_one_who_asks():
    stage = Stage()
    await stage.fail()
    made = await stage.retry("carol")
    assert made.spec.requested_by.user == "carol"


async def test_a_run_that_goes_on_or_succeeded_cannot_be_retried():
    stage = Stage()
    with pytest.raises(NotFound):
        await stage.retry()
    await stage.bob.workflows.apply(stage.workflow)
    await stage.bob.runs.create(a_run(stage.workflow))
    await stage.look(KEY)
    with pytest.raises(NotPossible, match="is Running"):
        await stage.retry()
    for step in ("a", "b"):
        stage.world.runner.end(stage.run(), step, succeeded())
        await stage.look(KEY)
    with pytest.raises(NotPossible, match="nothing to retry"):
        await stage.retry()


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param({"retry_of": "ghost"}, "it is not there", id="no such run"),
        pytest.param({"retry_of": "order-2"}, "it is Pending", id="itself"),
        pytest.param({"retry_of": "order-1", "context": {"total": 2}}, "it had another context", id="another context"),
    ],
)
async def test_a_run_that_does_not_fit_what_it_is_to_retry_fails_before_anything_starts(fields, want):
    stage = Stage()
    await stage.fail()
    starts = len(stage.world.runner.starts)
    await stage.bob.runs.create(a_run(stage.workflow, name="order-2", **fields))
    await stage.look(Key("default", "order-2"))
    status = stage.run(Key("default", "order-2")).status
    assert (status.phase, status.steps) == ("Failed", {})
    assert want in status.error.reason
    assert len(stage.world.runner.starts) == starts


async def test_a_retry_of_another_content_is_refused_with_the_revision_to_name():
    stage = Stage()
    await stage.fail()
    edited = a_workflow(a_step("a"), a_step("b", needs=("a",), source="echo new"))
    await stage.bob.workflows.apply(edited)
    await stage.bob.runs.create(a_run(edited, name="order-2", retry_of="order-1"))
    await stage.look(Key("default", "order-2"))
    reason = stage.run(Key("default", "order-2")).status.error.reason
    assert f"spec.workflow.revision to {stage.run().status.revision.name}" in reason


async def test_a_large_output_is_kept_with_the_retry_too():
    stage = Stage()
    large = {"text": "x" * 10_000}
    await stage.fail(output=large)
    made = await stage.retry()
    await stage.look(AGAIN)
    status = stage.run(AGAIN).status.steps["a"]
    assert status.output_ref.name != stage.run().status.steps["a"].output_ref.name
    stage.lose_output()
    await stage.bob.runs.set_suspend(AGAIN, suspend=False)
    await stage.look(AGAIN)
    assert stage.run(AGAIN).status.phase == "Running"
    assert stage.world.runner.newest(made.metadata.uid, "b").command.document["steps"]["a"]["output"] == large


async def test_a_step_whose_output_is_lost_is_done_again():
    stage = Stage()
    await stage.fail(output={"text": "x" * 10_000})
    stage.lose_output()
    await stage.retry()
    await stage.look(AGAIN)
    assert stage.run(AGAIN).status.steps["a"].phase == "Starting"


ROWS = {"rows": ["a", "b", "c"]}


class ItemStage(Stage):
    """A run over three rows that failed at the second, with outputs too large for the run object."""

    def __init__(self) -> None:
        super().__init__()
        self.reconciler = Reconciler(self.world.engine(CelEvaluator()), PlanBook({"bash": ""}, lambda text: None))
        self.workflow = a_workflow(a_step("each", for_each="context.rows", max_parallel=1))

    async def fail_at_second(self):
        await self.bob.workflows.apply(self.workflow)
        await self.bob.runs.create(a_run(self.workflow, context=ROWS))
        self.world.runner.will("each", items(good(0, "x" * 20_000)), items(bad(1)))
        while not self.run().status.finished_at:
            await self.look(KEY)


async def test_a_retry_runs_the_items_that_were_left_and_gives_the_outputs_of_all():
    stage = ItemStage()
    await stage.fail_at_second()
    await stage.retry()
    stage.world.runner.will("each", items(good(1, "new")), items(good(2, "new")))
    while not stage.run(AGAIN).status.finished_at:
        await stage.look(AGAIN)
    assert len(stage.world.runner.starts) == 4
    again = stage.run(AGAIN)
    assert again.status.steps["each"].items.carried == "0"
    assert await stage.world.outputs.load(again, output_ref(again.status.output_ref)) == ["x" * 20_000, "new", "new"]


async def test_items_whose_outputs_are_lost_run_again():
    stage = ItemStage()
    await stage.fail_at_second()
    stage.world.outputs.texts.clear()
    await stage.retry()
    await stage.look(AGAIN)
    assert stage.run(AGAIN).status.steps["each"].items.succeeded == ""
    assert stage.world.runner.starts[-1].startswith("order-again-each-0-1")
