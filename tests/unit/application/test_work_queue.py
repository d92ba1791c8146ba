"""The queue: nothing lost, nothing twice for one reason, one bad key harms no other."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from penstock.application.work_queue import WorkQueue
from penstock.errors import Unavailable


class LoopClock:
    """The event loop's own time, as a date."""

    START = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        return self.START + timedelta(seconds=asyncio.get_running_loop().time())


@asynccontextmanager
async def running(handler, **fields):
    queue = WorkQueue(handler, LoopClock(), **fields)
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_key_that_was_added_many_times_is_worked_on_once():
    seen = []

    async def handler(key):
        seen.append(key)

    queue = WorkQueue(handler, LoopClock())
    for _ in range(5):
        queue.add("a")
    task = asyncio.create_task(queue.run())
    await until(lambda: not len(queue))
    assert seen == ["a"]
    task.cancel()


async def test_a_key_added_while_it_is_worked_on_is_worked_on_once_more_and_never_at_once():
    at_work = 0
    passes = []
    gate = asyncio.Event()

    async def handler(key):
        nonlocal at_work
        at_work += 1
        assert at_work == 1
        await gate.wait()
        at_work -= 1
        passes.append(key)

    async with running(handler) as queue:
        queue.add("a")
        await until(lambda: at_work == 1)
        queue.add("a")
        queue.add("a")
        gate.set()
        await until(lambda: len(passes) == 2 and not len(queue))
    assert passes == ["a", "a"]


async def test_keys_are_worked_on_side_by_side():
    together = asyncio.Barrier(3)

    async def handler(key):
        await together.wait()

    async with running(handler, workers=3) as queue:
        for key in "abc":
            queue.add(key)
        await until(lambda: not len(queue))


async def test_a_handler_says_when_to_look_again():
    seen = []

    async def handler(key):
        seen.append(key)
        return LoopClock().now() if len(seen) < 3 else None

    async with running(handler) as queue:
        queue.add("a")
        await until(lambda: len(seen) == 3 and not len(queue))
        assert queue.timers == 0


async def test_an_error_is_tried_again_and_harms_no_other_key():
    seen = []

    async def handler(key):
        seen.append(key)
        if key == "bad" and seen.count("bad") < 3:
            raise Unavailable("down") if seen.count("bad") == 1 else RuntimeError("odd")

    async with running(handler, workers=1) as queue:
        queue.add("bad")
        queue.add("good")
        await until(lambda: seen.count("bad") == 3 and "good" in seen)


async def test_the_earliest_timer_counts():
    queue = WorkQueue(lambda key: asyncio.sleep(0), LoopClock())
    now = LoopClock().now()
    queue.add_at("a", now + timedelta(hours=2))
    queue.add_at("a", now + timedelta(hours=1))
    queue.add_at("a", now + timedelta(hours=3))
    assert queue.timers == 1
    assert abs(queue._timers["a"].when() - asyncio.get_running_loop().time() - 3600) < 5
    queue._drop_timer("a")
