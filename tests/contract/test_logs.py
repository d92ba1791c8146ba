"""What attempts printed: whole, from a cursor on, and as it is printed."""

from __future__ import annotations

import asyncio

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId
from penstock.errors import NotFound
from penstock.ports.logs import LogCursor, LogPiece
from penstock.testing.builders import a_run, a_workflow
from tests.contract.attempts import SECONDS, attempt_of, ended, seen
from tests.contract.worlds import Behaviour, World

FIRST = AttemptId("work", 1)


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


async def pieces(
    world: World,
    run: WorkflowRun,
    attempt: AttemptId = FIRST,
    *,
    after: LogCursor | None = None,
    follow: bool = False,
) -> list[LogPiece]:
    async with asyncio.timeout(SECONDS):
        return [piece async for piece in world.requester.logs.read(run, attempt, after=after, follow=follow)]


def text(found: list[LogPiece]) -> bytes:
    return b"".join(piece.data for piece in found)


async def a_finished_attempt(world: World, run: WorkflowRun, prints: str, number: int = 1) -> None:
    command = attempt_of(world, run, Behaviour(prints=prints, output={"a": 1}), number=number)
    await world.runner.start(run, command)
    await ended(world, run, command)


async def a_living_attempt(world: World, run: WorkflowRun, behaviour: Behaviour) -> None:
    """One that has printed its first words and waits."""
    command = attempt_of(world, run, behaviour)
    await world.runner.start(run, command)
    await seen(world, run, command, lambda fact: fact.phase is AttemptPhase.RUNNING)
    async with asyncio.timeout(SECONDS):
        while text(await pieces(world, run)) != behaviour.prints.encode():
            await asyncio.sleep(0.01)


async def test_a_log_is_what_the_program_printed(world: World, run: WorkflowRun):
    await a_finished_attempt(world, run, "charging\ndone\n")

    assert text(await pieces(world, run)) == b"charging\ndone\n"
    assert text(await pieces(world, run, follow=True)) == b"charging\ndone\n"


@pytest.mark.parametrize("offset", [0, 1, 9, 13, 14, 99])
async def test_after_a_cursor_comes_what_was_printed_after_it(world: World, run: WorkflowRun, offset: int):
    await a_finished_attempt(world, run, "charging\ndone\n")

    found = await pieces(world, run, after=LogCursor(1, offset))

    assert text(found) == b"charging\ndone\n"[offset:]
    assert [piece.missing for piece in found] == [0] * len(found)


async def test_a_cursor_stands_after_its_piece(world: World, run: WorkflowRun):
    await a_finished_attempt(world, run, "charging\ndone\n")
    last = (await pieces(world, run))[-1]

    assert (last.cursor.attempt, last.cursor.offset) == (1, 14)
    assert await pieces(world, run, after=last.cursor) == []
    # As a client holds it: a text, through a restart of everything.
    assert await pieces(world, run, after=LogCursor.parse(str(last.cursor))) == []


async def test_a_cursor_of_a_living_attempt_gives_only_what_is_new(world: World, run: WorkflowRun):
    await a_living_attempt(world, run, Behaviour(prints="charging\n", then="done\n"))
    before = await pieces(world, run)

    await world.go_on(run, "work")

    followed = await pieces(world, run, after=before[-1].cursor, follow=True)
    assert (text(before), text(followed)) == (b"charging\n", b"done\n")


async def test_a_follower_is_told_as_it_is_printed_and_let_go_at_the_end(world: World, run: WorkflowRun):
    await a_living_attempt(world, run, Behaviour(prints="charging\n", then="done\n"))
    following = world.requester.logs.read(run, FIRST, follow=True)
    first = await asyncio.wait_for(anext(following), SECONDS)

    await world.go_on(run, "work")

    assert first.data == b"charging\n"
    async with asyncio.timeout(SECONDS):
        assert text([piece async for piece in following]) == b"done\n"


async def test_a_follower_may_come_before_the_attempt(world: World, run: WorkflowRun):
    follower = asyncio.create_task(pieces(world, run, follow=True))
    await asyncio.sleep(0)
    command = attempt_of(world, run, Behaviour(prints="hello\n"))

    await world.runner.start(run, command)

    assert text(await follower) == b"hello\n"


async def test_each_attempt_has_a_log_of_its_own(world: World, run: WorkflowRun):
    for number in (1, 2):
        await a_finished_attempt(world, run, f"attempt {number}\n", number)

    for number in (1, 2):
        assert text(await pieces(world, run, AttemptId("work", number))) == f"attempt {number}\n".encode()


async def test_there_is_no_log_of_an_attempt_that_never_was(world: World, run: WorkflowRun):
    with pytest.raises(NotFound):
        await pieces(world, run)
