"""Attempts of batches: several items, each with a result of its own, and what counts of one that was killed."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.facts import AttemptPhase
from penstock.testing.builders import a_run, a_workflow
from tests.contract.attempts import ended, start_batch
from tests.contract.worlds import Behaviour, World

ITEMS = [(4, "a"), (5, "b"), (7, "d")]


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


async def test_each_item_has_its_result_and_one_that_fails_stops_no_other(world: World, run: WorkflowRun):
    run, command = await start_batch(world, run, Behaviour(bad=frozenset({5})), ITEMS)

    fact = await ended(world, run, command)
    assert {each.index: each.output for each in fact.items if each.failure is None} == {4: ["a"], 7: ["d"]}
    [failure] = [(each.index, each.failure.code, each.failure.reason) for each in fact.items if each.failure]
    assert failure == (5, "BAD_ROW", "row 5")
    assert (fact.phase, fact.failure.code) == (AttemptPhase.FAILED, "ITEMS_FAILED")
    assert (fact.digest, fact.items_begun) == ("sha256:0", 3)


async def test_an_attempt_whose_items_all_succeed_succeeds(world: World, run: WorkflowRun):
    run, command = await start_batch(world, run, Behaviour(), ITEMS)

    fact = await ended(world, run, command)
    assert (fact.phase, fact.output, len(fact.items)) == (AttemptPhase.SUCCEEDED, None, 3)


async def test_what_had_ended_before_it_was_killed_is_known_and_what_had_begun(world: World, run: WorkflowRun):
    run, command = await start_batch(world, run, Behaviour(dies_at=5), ITEMS)

    fact = await ended(world, run, command)
    assert fact.phase in (AttemptPhase.FAILED, AttemptPhase.LOST)
    assert [(each.index, each.output) for each in fact.items] == [(4, ["a"])]
    assert fact.items_begun == 2


async def test_two_batches_are_two_attempts_with_logs_of_their_own(world: World, run: WorkflowRun):
    run, first = await start_batch(world, run, Behaviour(prints="one\n"), ITEMS[:2])
    assert len((await ended(world, run, first)).items) == 2
    run, second = await start_batch(world, run, Behaviour(prints="two\n"), ITEMS[2:], batch=1)
    assert len((await ended(world, run, second)).items) == 1

    logs = world.requester.logs
    printed = [b"".join([piece.data async for piece in logs.read(run, each.id)]) for each in (first, second)]
    assert printed == [b"one\none\n", b"two\n"]


async def test_starting_a_batch_twice_starts_it_once(world: World, run: WorkflowRun):
    run, command = await start_batch(world, run, Behaviour(), ITEMS[:1])
    await world.runner.start(run, command)
    first = await ended(world, run, command)
    await world.runner.start(run, command)

    assert await ended(world, run, command) == first
    assert world.starts("work") == 1
