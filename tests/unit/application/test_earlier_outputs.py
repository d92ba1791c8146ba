"""Steps that take the output of an earlier run, as the reconcile loop lets them."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType

from penstock.api.v1alpha1.caching import StepCache
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Reconciler
from penstock.application.retry_run import retry_run
from penstock.engine.model import StepPhase
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_step, a_workflow
from penstock.testing.memory_runner import failed, succeeded
from penstock.testing.memory_world import MemoryWorld

HOUR = StepCache(ttl="1h")
LARGE = {"text": "x" * 10_000}


class Stage:
    """Runs of a Workflow whose step `rates` may take an earlier output."""

    def __init__(self, *more, **fields) -> None:
        self.world = MemoryWorld()
        self.bob = self.world.access("bob")
        self.reconciler = Reconciler(self.world.engine(), PlanBook({"bash": ""}, lambda text: None))
        self.workflow = a_workflow(a_step("rates", cache=HOUR, **fields), *more)

    async def run(self, number, endings=MappingProxyType({}), *, of=None, **fields) -> WorkflowRun:
        """Run it to its end; the program of `rates` gives what is told, or its number."""
        await self.bob.workflows.apply(self.workflow)
        await self.bob.runs.create(a_run(of or self.workflow, name=f"order-{number}", **fields))
        return await self.finish(f"order-{number}", **{"rates": succeeded(number), **endings})

    async def finish(self, name, **endings) -> WorkflowRun:
        """Let the run's programs end so; those that are not named give nothing."""
        while not (run := self.read(name)).status.finished_at:
            for step, status in run.status.steps.items():
                if StepPhase(status.phase).alive:
                    self.world.runner.end(run, step, endings.get(step, succeeded()))
            await self.reconciler.reconcile(Key("default", name))
        return run

    def read(self, name) -> WorkflowRun:
        return self.world.runs.get(Key("default", name))

    def starts(self, run) -> int:
        return len([name for name in self.world.runner.starts if name.startswith(run.metadata.name)])


async def test_the_second_run_takes_the_output_and_starts_nothing():
    stage = Stage()
    first, second = await stage.run(1), await stage.run(2)
    step = second.status.steps["rates"]
    assert (second.status.output, stage.starts(second)) == (1, 0)
    assert (step.phase, step.attempt, step.cached.run) == ("Succeeded", 0, "order-1")
    assert step.cached.finished_at == first.status.steps["rates"].finished_at
    assert second.status.cached == 1
    assert ("order-2", "StepCached") in [(event.about, event.reason) for event in stage.world.events.told]


async def test_a_chain_of_runs_that_take_it_never_makes_it_younger():
    stage = Stage()
    await stage.run(1)
    stage.world.clock.advance(timedelta(minutes=40))
    assert (await stage.run(2)).status.steps["rates"].cached.run == "order-1"
    stage.world.clock.advance(timedelta(minutes=40))
    third = await stage.run(3)
    assert (third.status.output, third.status.steps["rates"].cached) == (3, None)


async def test_what_was_taken_lasts_when_the_run_it_is_from_is_gone():
    stage = Stage()
    first = await stage.run(1, {"rates": succeeded(LARGE)})
    second = await stage.run(2)
    await stage.bob.runs.delete(first)
    third = await stage.run(3)
    for run in (second, third):
        assert await stage.bob.outputs.load(run, _ref(run)) == LARGE
    assert third.status.steps["rates"].cached.run == "order-1"


async def test_an_output_that_is_lost_is_made_anew():
    stage = Stage()
    await stage.run(1, {"rates": succeeded(LARGE)})
    stage.world.outputs.texts.clear()
    assert (await stage.run(2)).status.output == 2


async def test_a_run_that_wants_everything_anew_gives_the_output_that_later_runs_take():
    stage = Stage()
    await stage.run(1)
    assert (await stage.run(2, no_cache=True)).status.output == 2
    third = await stage.run(3)
    assert (third.status.output, third.status.steps["rates"].cached.run) == (2, "order-2")


async def test_another_context_or_another_script_is_run():
    stage = Stage()
    await stage.run(1, context={"day": 1})
    assert (await stage.run(2, context={"day": 2})).status.output == 2
    stage.workflow = a_workflow(a_step("rates", "echo new", cache=HOUR))
    assert (await stage.run(3, context={"day": 1})).status.output == 3


async def test_what_failed_is_not_taken_and_neither_is_what_an_inline_run_gave():
    stage = Stage()
    await stage.run(1, {"rates": failed()})
    await stage.run(2, of=a_spec(*stage.workflow.spec.steps))
    assert (await stage.run(3)).status.output == 3
    assert (await stage.run(4, of=a_spec(*stage.workflow.spec.steps))).status.output == 4


async def test_two_runs_at_once_both_run():
    stage = Stage()
    await stage.bob.workflows.apply(stage.workflow)
    for number in (1, 2):
        await stage.bob.runs.create(a_run(stage.workflow, name=f"order-{number}"))
        await stage.reconciler.reconcile(Key("default", f"order-{number}"))
    assert [stage.starts(stage.read(f"order-{number}")) for number in (1, 2)] == [1, 1]


async def test_a_retry_goes_on_from_a_step_that_took_its_output():
    stage = Stage(a_step("report", needs=("rates",)))
    await stage.run(1)
    second = await stage.run(2, {"report": failed()})
    assert (second.status.phase, second.status.steps["rates"].cached.run) == ("Failed", "order-1")
    await retry_run(stage.bob, Key("default", "order-2"), lambda: "again")
    again = await stage.finish("order-again", report=succeeded("ok"))
    assert (again.status.phase, again.status.output) == ("Succeeded", "ok")
    assert again.status.steps["rates"].carried
    assert again.status.steps["rates"].output == 1


async def test_a_retry_of_a_run_that_wants_everything_anew_takes_nothing_either():
    stage = Stage()
    await stage.run(1)
    assert (await stage.run(2, {"rates": failed()}, no_cache=True)).status.phase == "Failed"
    await retry_run(stage.bob, Key("default", "order-2"), lambda: "again")
    again = await stage.finish("order-again", rates=succeeded("new"))
    assert (again.status.output, again.status.cached) == ("new", 0)


async def test_a_long_line_of_steps_is_taken_in_one_pass():
    names = ["rates", *(f"s{number}" for number in range(99))]
    stage = Stage(*(a_step(name, needs=(before,), cache=HOUR) for before, name in pairwise(names)))
    await stage.run(1)
    second = await stage.run(2)
    assert (second.status.phase, second.status.cached) == ("Succeeded", 100)


def _ref(run):
    from penstock.api.v1alpha1.codec import output_ref

    return output_ref(run.status.steps["rates"].output_ref)
