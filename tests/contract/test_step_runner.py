"""Attempts: started once, watched to their end, stopped when asked, missed when they are gone."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StopAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run, a_workflow
from tests.contract.attempts import attempt_of, ended, seen
from tests.contract.worlds import Behaviour, World


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


async def test_what_was_never_started_is_not_seen(world: World, run: WorkflowRun):
    assert await world.runner.observe(run) == {}


async def test_an_attempt_that_succeeds_gives_its_output(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(output={"order": "ORD-1", "lines": [1, 2.5, None]}))

    await world.runner.start(run, command)

    fact = await ended(world, run, command)
    assert fact.phase is AttemptPhase.SUCCEEDED
    assert fact.output == {"order": "ORD-1", "lines": [1, 2.5, None]}
    assert fact.digest == "sha256:one"
    assert fact.uid
    assert fact.failure is None


async def test_an_attempt_that_fails_says_why(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(code="CARD_DECLINED", reason="the bank said no"))

    await world.runner.start(run, command)

    fact = await ended(world, run, command)
    assert fact.phase is AttemptPhase.FAILED
    assert fact.failure is not None
    assert (fact.failure.code, fact.failure.reason) == ("CARD_DECLINED", "the bank said no")


async def test_starting_twice_starts_once(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(output=1))

    await world.runner.start(run, command)
    await world.runner.start(run, command)
    first = await ended(world, run, command)
    await world.runner.start(run, command)

    assert await ended(world, run, command) == first
    assert world.starts("work") == 1


async def test_a_living_attempt_is_seen_alive_under_one_uid(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(endless=True))

    await world.runner.start(run, command)

    alive = await seen(world, run, command, lambda fact: fact.phase is AttemptPhase.RUNNING)
    assert alive.uid
    await world.runner.stop(run, StopAttempt(AttemptId("work", 1), command.name))
    assert (await ended(world, run, command)).uid == alive.uid


async def test_a_stopped_attempt_ends(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(endless=True))
    await world.runner.start(run, command)
    await seen(world, run, command, lambda fact: fact.phase is AttemptPhase.RUNNING)

    stop = StopAttempt(AttemptId("work", 1), command.name)
    await world.runner.stop(run, stop)
    await world.runner.stop(run, stop)

    fact = await ended(world, run, command)
    assert fact.phase in (AttemptPhase.FAILED, AttemptPhase.LOST)
    await world.runner.stop(run, stop)


async def test_stopping_what_was_never_started_is_harmless(world: World, run: WorkflowRun):
    await world.runner.stop(run, StopAttempt(AttemptId("work", 1), "order-1-work-1-0123456789"))

    assert await world.runner.observe(run) == {}


async def test_an_attempt_that_vanishes_is_lost_and_not_started_again(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(endless=True))
    await world.runner.start(run, command)
    await seen(world, run, command, lambda fact: fact.phase is AttemptPhase.RUNNING and world.starts("work") == 1)

    await world.kill(run, command)

    fact = await ended(world, run, command)
    assert fact.phase is AttemptPhase.LOST
    assert fact.failure is not None
    assert fact.failure.code in ("LOST", "SIGNALLED")
    await world.runner.start(run, command)
    assert (await ended(world, run, command)).phase is AttemptPhase.LOST
    assert world.starts("work") == 1


async def test_attempts_of_two_runs_are_apart(world: World, run: WorkflowRun):
    other = await world.requester.runs.create(a_run(name="order-2"))
    command = attempt_of(world, run, Behaviour(output=1))

    await world.runner.start(run, command)
    await ended(world, run, command)

    assert await world.runner.observe(other) == {}
