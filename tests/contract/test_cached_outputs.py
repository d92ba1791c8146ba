"""Runs whose outputs others may take: found by what was run for them, the newest output first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.run import CachedStatus, StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_workflow
from tests.contract.worlds import World
from tests.support.plans import NOON

DIGEST = "sha256:same"


@pytest.fixture(autouse=True)
async def workflows(world: World):
    await world.requester.workflows.apply(a_workflow())
    await world.requester.workflows.apply(a_workflow(name="other"))


async def ended(world: World, name: str, *, of: str = "order", after: int = 0, **fields: Any) -> WorkflowRun:
    """A run whose step came to its end so many seconds after noon."""
    run = await world.requester.runs.create(a_run(of, name=name))
    loaded = await world.ledger.load(Key("default", run.metadata.name))
    assert loaded is not None
    said = {"phase": "Succeeded", "cache_digest": DIGEST, "finished_at": NOON + timedelta(seconds=after)}
    steps = {"work": StepStatus(**{**said, **fields})}
    return await world.ledger.save_status(loaded, WorkflowRunStatus(phase="Running", steps=steps))


async def found(world: World, digest: str = DIGEST, step: str = "work") -> list[str]:
    """What a further run of the Workflow finds."""
    run = await world.requester.runs.create(a_run(name="looking"))
    runs = await world.ledger.with_cached(run, step, digest)
    return [each.metadata.name for each in runs]


async def test_runs_are_found_by_what_was_run_whether_they_have_ended_or_not(world: World):
    await ended(world, "order-1")

    assert await found(world) == ["order-1"]


async def test_the_newest_output_comes_first_whichever_run_is_the_newest(world: World):
    cached = CachedStatus(run="order-0", finished_at=NOON)
    await ended(world, "order-1", after=1)
    await ended(world, "order-2", after=30)
    await ended(world, "order-3", after=60, cached=cached)

    assert await found(world) == ["order-2", "order-1", "order-3"]


async def test_what_has_not_succeeded_on_the_same_is_not_found(world: World):
    await ended(world, "order-1", cache_digest="sha256:another")
    await ended(world, "order-2", phase="Failed")
    await ended(world, "order-3", cache_digest=None)

    assert await found(world) == []


async def test_another_step_and_another_workflow_have_outputs_of_their_own(world: World):
    await ended(world, "order-1")
    await ended(world, "other-1", of="other")

    assert await found(world, step="prepare") == []
    other = await ended(world, "other-2", of="other")
    assert [run.metadata.name for run in await world.ledger.with_cached(other, "work", DIGEST)] == ["other-1"]


async def test_a_run_finds_itself_never_and_those_that_are_gone_no_longer(world: World):
    first = await ended(world, "order-1")
    second = await ended(world, "order-2", after=1)

    assert [run.metadata.name for run in await world.ledger.with_cached(second, "work", DIGEST)] == ["order-1"]
    over = await world.ledger.save_status(first, first.status.model_copy(update={"phase": "Succeeded"}))
    await world.requester.runs.delete(over)
    assert await world.ledger.with_cached(second, "work", DIGEST) == ()
