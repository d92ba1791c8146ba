"""What the server tells its clients of, as it watches the Workflows."""

from __future__ import annotations

import asyncio

from penstock_mcp.backend import OnWorkflows, OwnBackend
from penstock_mcp.index import WorkflowIndex
from penstock_mcp.provider import Pace, Watching
from tests.support.eventually import eventually
from tests.support.mcp_client import own
from tests.support.memory_access import World, a_workflow


async def test_what_was_there_from_the_start_is_news_to_nobody():
    """A listener that came right after the start would list on that news, and miss what really comes later."""
    told: list[int] = []
    world = World(a_workflow())
    index = WorkflowIndex(spanning=False)

    async def tell() -> None:
        told.append(len(index.share().cards))

    async with Watching(own(world), index, tell, Pace(first_look=60.0, settle=0.0)).running():
        assert len(index.share().cards) == 1
        assert not index.changed.is_set()
        world.put(a_workflow("late"))
        await eventually(lambda: told)
    assert told == [2]


class Slow(OwnBackend):
    """Workflows that can be read once the test says so."""

    def __init__(self, world: World) -> None:
        super().__init__(world.access(), "shop")
        self.readable = asyncio.Event()

    async def watch_workflows(self, on_change: OnWorkflows) -> None:
        await self.readable.wait()
        await super().watch_workflows(on_change)


async def test_workflows_that_could_not_be_read_in_time_are_news():
    told: list[int] = []
    backend = Slow(World(a_workflow()))
    index = WorkflowIndex(spanning=False)

    async def tell() -> None:
        told.append(len(index.share().cards))

    async with Watching(backend, index, tell, Pace(first_look=0.01, settle=0.0)).running():
        backend.readable.set()
        await eventually(lambda: told)
    assert told == [1]
