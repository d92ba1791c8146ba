"""Gates put to the person at the terminal: asked once, answered for the digest that was shown, never by accident."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from penstock.cli.gate_desk import Asking, GateDesk
from penstock.cli.progress import LineProgress
from tests.support.eventually import eventually
from tests.unit.cli.samples import NOON, a_run, an_approval, waiting
from tests.unit.cli.stage import Stage, World

GATE = "order-1-release-0"
AT_GATE = a_run("Waiting", steps={"release": waiting(GATE)})
PAST_GATE = a_run("Running", steps={"release": {"phase": "Succeeded"}})


def a_world(*, tty: bool = True, **fields) -> World:
    world = World(terminal=Stage(tty=tty), **fields)
    world.approvals.put(an_approval(GATE, subject={"program": {"source": "echo hi"}}))
    return world


@asynccontextmanager
async def a_desk(world: World, *, approve_all: bool = False):
    asking = Asking(world.terminal, lambda: NOON, approve_all, " --local")
    desk = GateDesk(world.access, asking, LineProgress(world.terminal, None, lambda: NOON))
    serving = asyncio.create_task(desk.serve())
    try:
        yield desk
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def votes(world: World) -> list[tuple[str, str]]:
    return [(vote.verdict, vote.comment) for item in world.approvals.items.values() for vote in item.spec.decisions]


async def said(world: World, text: str) -> None:
    await eventually(lambda: text in world.terminal.said, what=f"never said {text!r}, but: {world.terminal.said}")


@pytest.mark.parametrize(
    ("typed", "want"),
    [
        pytest.param(["y"], [("approve", "")], id="yes"),
        pytest.param(["YES checked with accounts"], [("approve", "checked with accounts")], id="yes and why"),
        pytest.param(["n over budget"], [("reject", "over budget")], id="no and why"),
        pytest.param(["n", "over budget"], [("reject", "over budget")], id="no, then why"),
        pytest.param(["maybe", "y"], [("approve", "")], id="something else is asked again"),
    ],
)
async def test_an_answer_becomes_one_vote(typed, want):
    world = a_world()
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        for line in typed:
            world.terminal.typed.put_nowait(line)
        await eventually(lambda: votes(world))
    assert votes(world) == want


@pytest.mark.parametrize(
    "typed", [["", ""], ["n", "  "], [None]], ids=["just Enter", "no without a reason", "end of input"]
)
async def test_without_a_clear_answer_the_gate_stays_open_and_it_is_said_how_to_answer_later(typed):
    world = a_world()
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        for line in typed:
            world.terminal.typed.put_nowait(line)
        await said(world, f"penstock approve default/{GATE} --local")
    assert votes(world) == []
    assert "error" not in world.terminal.said


async def test_the_person_sees_what_will_run_before_the_question():
    world = a_world()
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        await said(world, "Approve? [y/N]")
    before = world.terminal.said.split("Approve?")[0]
    for part in ("Release it?", "echo hi", world.approvals.items["default", GATE].spec.request.digest):
        assert part in before


async def test_a_gate_is_asked_about_once_however_often_the_run_changes():
    world = a_world()
    async with a_desk(world) as desk:
        for _ in range(3):
            desk.notice(AT_GATE)
        world.terminal.typed.put_nowait(None)
        await said(world, "penstock approve")
        desk.notice(AT_GATE)
        await asyncio.sleep(0)
    assert world.terminal.said.count("Approve?") == 1


async def test_two_gates_are_asked_one_after_the_other():
    world = a_world()
    world.approvals.put(an_approval("order-1-ship-0", message="Ship it?"))
    run = a_run("Waiting", steps={"release": waiting(GATE), "ship": waiting("order-1-ship-0")})
    async with a_desk(world) as desk:
        desk.notice(run)
        await said(world, "Approve?")
        assert world.terminal.said.count("Approve?") == 1
        world.terminal.typed.put_nowait("y")
        world.terminal.typed.put_nowait("y")
        await eventually(lambda: len(votes(world)) == 2)


async def test_a_question_is_taken_back_when_somebody_else_answers():
    world = a_world()
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        await said(world, "Approve?")
        desk.notice(PAST_GATE)
        await said(world, f"Approval {GATE} was settled elsewhere")
    assert votes(world) == []


async def test_without_a_terminal_nobody_is_asked_and_it_is_said_how_to_answer():
    world = a_world(tty=False)
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        await said(world, f"penstock approve default/{GATE} --local")
    assert "Approve?" not in world.terminal.said
    assert "Release it?" in world.terminal.said


async def test_approve_answers_every_gate_and_says_so():
    world = a_world(tty=False)
    async with a_desk(world, approve_all=True) as desk:
        desk.notice(AT_GATE)
        await said(world, "because of --approve")
    assert votes(world) == [("approve", "approved by --approve")]


async def test_in_a_cluster_nobody_is_asked_about_his_own_run():
    world = a_world(local=False)
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        await said(world, "penstock approve")
    assert "Approve?" not in world.terminal.said


async def test_in_a_cluster_somebody_else_is_asked():
    world = a_world(local=False)
    world.caller.user = "alice"
    async with a_desk(world) as desk:
        desk.notice(AT_GATE)
        await said(world, "Approve?")


async def test_a_refusal_by_the_guard_is_told_and_the_run_is_still_followed():
    world = a_world()
    world.approvals.refuse = "bob asked for this run and may not approve it"
    async with a_desk(world, approve_all=True) as desk:
        desk.notice(AT_GATE)
        await said(world, "error: bob asked for this run and may not approve it")
        await said(world, "penstock approve")
        world.approvals.put(an_approval("order-1-ship-0"))
        world.approvals.refuse = ""
        desk.notice(a_run("Waiting", steps={"ship": waiting("order-1-ship-0")}))
        await said(world, "Approved order-1-ship-0")


async def test_a_request_that_shows_other_bytes_than_it_binds_is_never_approved():
    world = a_world()
    world.approvals.put(an_approval(GATE, digest="sha256:" + "0" * 64))
    async with a_desk(world, approve_all=True) as desk:
        desk.notice(AT_GATE)
        await said(world, "Do not approve it")
    assert votes(world) == []
