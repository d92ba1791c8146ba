"""Outputs in memory: the newest, within a bound."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.meta import ObjectMeta
from penstock.application.cached_outputs import CachedOutputs
from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, canonical, digest_of
from penstock.engine.model import OutputRef
from penstock.errors import OutputLost
from penstock.testing.builders import a_run
from penstock.testing.memory_outputs import MemoryOutputs


def a_run_of(uid):
    return a_run().model_copy(update={"metadata": ObjectMeta(name="order-1", uid=uid)})


RUN = a_run_of("uid-1")


def to_keep(value):
    text = canonical(value)
    content = digest_of(OUTPUT_SCHEME, text)
    return StoreOutput(OutputRef(f"order-1-{content[7:39]}", content, len(text)), value, text)


class Counting(MemoryOutputs):
    def __init__(self):
        super().__init__()
        self.loads = 0

    async def load(self, run, ref):
        self.loads += 1
        return await super().load(run, ref)


async def test_what_was_written_here_is_not_read_again():
    store = Counting()
    outputs, asked = CachedOutputs(store), to_keep(["a"])
    await outputs.store(RUN, asked)
    assert await outputs.load(RUN, asked.ref) == ["a"]
    assert store.loads == 0


async def test_what_another_process_wrote_is_read_once():
    store, asked = Counting(), to_keep(["a"])
    await store.store(RUN, asked)
    outputs = CachedOutputs(store)
    assert [await outputs.load(RUN, asked.ref) for _ in range(3)] == [["a"]] * 3
    assert store.loads == 1


async def test_memory_is_bounded_and_the_oldest_goes_first():
    store = Counting()
    outputs = CachedOutputs(store, limit=30)
    first, second, third = (to_keep(letter * 10) for letter in "abc")
    await outputs.store(RUN, first)
    await outputs.store(RUN, second)
    await outputs.load(RUN, first.ref)
    await outputs.store(RUN, third)
    assert [await outputs.load(RUN, each.ref) for each in (first, third)] == ["a" * 10, "c" * 10]
    assert store.loads == 0
    assert await outputs.load(RUN, second.ref) == "b" * 10
    assert store.loads == 1


async def test_one_that_is_larger_than_the_memory_for_all_of_them_is_read_each_time():
    store, asked = Counting(), to_keep("a" * 100)
    outputs = CachedOutputs(store, limit=30)
    await outputs.store(RUN, asked)
    await outputs.load(RUN, asked.ref)
    assert await outputs.load(RUN, asked.ref) == "a" * 100
    assert store.loads == 2


async def test_another_run_of_the_same_name_gets_nothing_from_memory():
    outputs, asked = CachedOutputs(MemoryOutputs()), to_keep(["a"])
    await outputs.store(RUN, asked)
    with pytest.raises(OutputLost):
        await outputs.load(a_run_of("uid-2"), asked.ref)
