"""The run object of a step over very many items stays small, at every write."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.over_items import ItemFailures
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Backoff, Retry
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Reconciler
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from penstock.testing.memory_runner import Ending, MemoryAttempt, bad, good, items, succeeded
from penstock.testing.memory_world import MemoryWorld

KEY = Key("default", "order-1")
LIMIT = 256 * 1024
"""Bytes of a run object, whatever its steps are fanned out over."""
COUNT = 50_000


class Stage:
    """A run of `list -> each`, in which `each` runs for every number of the list."""

    def __init__(self, **fields: Any) -> None:
        self.world = MemoryWorld()
        self.access = self.world.access("bob")
        plans = PlanBook({"bash": ""}, lambda text: None)
        self.reconciler = Reconciler(self.world.engine(CelEvaluator()), plans)
        self.workflow = a_workflow(
            a_step("list"), a_step("each", needs=("list",), for_each="steps.list.output", **fields)
        )
        self.largest = 0

    async def begin(self) -> Stage:
        await self.access.workflows.apply(self.workflow)
        await self.access.runs.create(a_run(self.workflow))
        self.world.runner.will("list", succeeded(list(range(COUNT))))
        await self.look()
        await self.look()
        return self

    @property
    def run(self) -> WorkflowRun:
        return self.world.runs.get(KEY)

    async def look(self) -> None:
        await self.reconciler.reconcile(KEY)
        self.largest = max(self.largest, len(json.dumps(self.run.to_wire())))

    async def end_all(self, ending: Callable[[list[int]], Ending], *, at_once: bool = False) -> None:
        """Every attempt that lives ends, each in a pass of its own unless all end `at_once`."""
        for attempt in self.world.runner.living(self.run.metadata.uid):
            self.world.runner.conclude(attempt, ending(_given(attempt)))
            if not at_once:
                await self.look()
        await self.look()


def _given(attempt: MemoryAttempt) -> list[int]:
    return [each["index"] for each in attempt.command.document["items"]]


async def test_fifty_thousand_items_of_which_many_fail_come_to_their_end():
    tolerant = ItemFailures(tolerated="30%", fail_fast=False)
    stage = await Stage(items_per_pod=1000, item_failures=tolerant).begin()
    while not stage.run.status.finished_at:
        # Scattered, so that no ranges can tell of them.
        await stage.end_all(lambda given: items(*(bad(n) if n % 7 in (1, 4) else good(n, {"n": n}) for n in given)))
    step = stage.run.status.steps["each"]
    assert (stage.run.status.phase, step.items.progress) == ("Succeeded", "50000/50000")
    output = await stage.world.outputs.load(stage.run, output_ref(step.output_ref))
    assert output == [None if n % 7 in (1, 4) else {"n": n} for n in range(COUNT)]
    assert stage.largest < LIMIT


async def test_so_many_pods_as_may_be_with_the_longest_reasons_take_no_more_room():
    again = Retry(limit=1, backoff=Backoff(initial="1h", max="1h"))
    tolerant = ItemFailures(tolerated="100%")
    stage = await Stage(max_parallel=256, retry=again, item_failures=tolerant).begin()
    reason = "ö" * 4000
    await stage.end_all(lambda given: items(*(bad(n, "OUTPUT_INVALID", reason) for n in given)), at_once=True)
    for _ in range(2):
        await stage.end_all(lambda given: items(*(bad(n, reason=reason) for n in given)), at_once=True)
    assert len(stage.run.status.steps["each"].items.active) == 512
    assert len(stage.run.status.steps["each"].items.failures) == 20
    assert stage.largest < LIMIT
