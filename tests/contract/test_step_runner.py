"""Attempts: started once, watched to their end, stopped when asked, missed when they are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.testing.builders import a_run, a_workflow
from tests.contract.worlds import Behaviour, World

SECONDS = 60
"""Long enough for a pod on a busy machine; nobody waits that long for what happens."""


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


def attempt_of(
    world: World, run: WorkflowRun, behaviour: Behaviour, step: str = "work", number: int = 1
) -> StartAttempt:
    document: dict[str, Any] = {
        "context": {},
        "steps": {},
        "item": None,
        "run": {"name": run.metadata.name, "namespace": run.metadata.namespace},
        "step": step,
        "attempt": number,
        "idempotencyKey": f"{run.metadata.uid}/{step}/{number}",
    }
    name = attempt_name(run.metadata.name, run.metadata.uid, step, number)
    return StartAttempt(AttemptId(step, number), name, "sha256:one", world.program(step, behaviour), document)


async def seen(
    world: World, run: WorkflowRun, command: StartAttempt, wanted: Callable[[AttemptFact], bool]
) -> AttemptFact:
    """The attempt, once it is as wanted."""
    async with asyncio.timeout(SECONDS):
        while True:
            fact = (await world.runner.observe(run)).get(command.id)
            if fact is not None and wanted(fact):
                return fact
            await asyncio.sleep(0.01)


async def ended(world: World, run: WorkflowRun, command: StartAttempt) -> AttemptFact:
    return await seen(world, run, command, lambda fact: fact.ended)


async def read(world: World, run: WorkflowRun, step: str, *, follow: bool = False) -> bytes:
    return b"".join([chunk async for chunk in world.requester.logs.read(run, step, follow=follow)])


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


async def test_a_log_is_what_the_program_printed(world: World, run: WorkflowRun):
    command = attempt_of(world, run, Behaviour(prints="charging\ndone\n", output={"a": 1}))
    await world.runner.start(run, command)
    await ended(world, run, command)

    assert await read(world, run, "work") == b"charging\ndone\n"
    assert await read(world, run, "work", follow=True) == b"charging\ndone\n"


async def test_a_follower_may_come_before_the_attempt(world: World, run: WorkflowRun):
    follower = asyncio.create_task(read(world, run, "work", follow=True))
    await asyncio.sleep(0)
    command = attempt_of(world, run, Behaviour(prints="hello\n"))

    await world.runner.start(run, command)

    async with asyncio.timeout(SECONDS):
        assert await follower == b"hello\n"


async def test_the_log_of_a_step_is_that_of_its_newest_attempt(world: World, run: WorkflowRun):
    for number in (1, 2):
        command = attempt_of(world, run, Behaviour(prints=f"attempt {number}\n"), number=number)
        await world.runner.start(run, command)
        await ended(world, run, command)

    assert await read(world, run, "work") == b"attempt 2\n"


async def test_there_is_no_log_before_the_first_attempt(world: World, run: WorkflowRun):
    with pytest.raises(NotFound, match="work"):
        await read(world, run, "work")
