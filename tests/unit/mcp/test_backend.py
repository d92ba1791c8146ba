from __future__ import annotations

import asyncio
from collections.abc import Collection

import pytest

from penstock.api.v1alpha1.workflow import Workflow
from penstock.errors import Forbidden
from penstock.ports.access import Actor, Key
from penstock_mcp.backend import ImpersonatingBackend, OnWorkflows, OwnBackend
from tests.support.eventually import eventually
from tests.support.memory_access import World, a_workflow

ANN = Actor("ann")


def impersonating(world: World) -> ImpersonatingBackend:
    async def watch(on_change: OnWorkflows) -> None:
        return None

    async def may_run(actor: Actor, keys: Collection[Key]) -> Collection[Key]:
        return keys

    return ImpersonatingBackend(None, world.access, watch, may_run)


def test_one_persons_reach_is_lent_to_nobody():
    with pytest.raises(Forbidden):
        OwnBackend(World().access(), "shop").access_for(ANN)


async def test_the_servers_own_reach_is_lent_to_nobody():
    backend = impersonating(World())
    with pytest.raises(Forbidden):
        backend.access_for(None)
    with pytest.raises(Forbidden):
        await backend.may_run(None, [Key("shop", "a")])


async def test_each_caller_gets_a_reach_of_their_own():
    assert await impersonating(World()).access_for(ANN).caller.whoami() == ANN


async def test_over_stdio_the_persons_own_watch_is_followed():
    world = World(a_workflow())
    seen: list[list[Workflow]] = []
    backend = OwnBackend(world.access(), "shop")
    task = asyncio.create_task(backend.watch_workflows(lambda found: seen.append(list(found))))
    try:
        await eventually(lambda: seen)
        world.put(a_workflow("second"))
        await eventually(lambda: len(seen[-1]) == 2)
        world.drop("shop", "second")
        await eventually(lambda: len(seen[-1]) == 1)
    finally:
        task.cancel()
