from __future__ import annotations

from collections.abc import Collection

import pytest

from penstock.errors import Unavailable
from penstock.ports.access import Actor, Key
from penstock_mcp.backend import ImpersonatingBackend
from penstock_mcp.rights import HOLD_SECONDS, Rights
from tests.support.memory_access import World

ANN, BOB = Actor("ann"), Actor("bob")
KEYS = frozenset({Key("shop", "a"), Key("shop", "b")})


class Scene:
    def __init__(self) -> None:
        self.now = 0.0
        self.allowed = {ANN: {Key("shop", "a")}, BOB: {Key("shop", "b")}}
        self.asked: list[Actor] = []
        self.away = False

        async def may_run(actor: Actor, keys: Collection[Key]) -> Collection[Key]:
            self.asked.append(actor)
            if self.away:
                raise Unavailable
            return [key for key in keys if key in self.allowed[actor]]

        async def watch(on_change: object) -> None:
            return None

        world = World()
        self.rights = Rights(ImpersonatingBackend(None, world.access, watch, may_run), lambda: self.now)


async def test_an_answer_is_each_callers_own():
    scene = Scene()
    assert await scene.rights.runnable(ANN, KEYS) == {Key("shop", "a")}
    assert await scene.rights.runnable(BOB, KEYS) == {Key("shop", "b")}


async def test_groups_make_another_caller():
    scene = Scene()
    leader = Actor("ann", groups=("leads",))
    scene.allowed[leader] = set(KEYS)
    assert await scene.rights.runnable(ANN, KEYS) != await scene.rights.runnable(leader, KEYS)


async def test_an_answer_is_kept_for_a_while_and_not_longer():
    scene = Scene()
    await scene.rights.runnable(ANN, KEYS)
    await scene.rights.runnable(ANN, KEYS)
    assert len(scene.asked) == 1
    scene.now += HOLD_SECONDS
    scene.allowed[ANN] = set()
    assert await scene.rights.runnable(ANN, KEYS) == frozenset()


async def test_a_new_workflow_is_asked_for_at_once():
    scene = Scene()
    await scene.rights.runnable(ANN, KEYS)
    scene.allowed[ANN].add(Key("shop", "c"))
    assert Key("shop", "c") in await scene.rights.runnable(ANN, KEYS | {Key("shop", "c")})


async def test_trouble_is_not_kept():
    scene = Scene()
    scene.away = True
    with pytest.raises(Unavailable):
        await scene.rights.runnable(ANN, KEYS)
    scene.away = False
    assert await scene.rights.runnable(ANN, KEYS)
