"""Reading and writing Workflows."""

from __future__ import annotations

import asyncio

import pytest

from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock.testing.builders import a_step, a_workflow
from tests.contract.worlds import World


async def test_what_is_applied_can_be_read(world: World):
    workflow = a_workflow(a_step("greet", "echo hello"))

    applied = await world.requester.workflows.apply(workflow)

    assert await world.requester.workflows.get(Key("default", "order")) == applied
    assert applied.spec == workflow.spec
    assert applied.metadata.uid


async def test_applying_again_replaces_spec_and_labels_and_keeps_the_object(world: World):
    first = await world.requester.workflows.apply(a_workflow(a_step("greet")))
    changed = a_workflow(a_step("greet", "echo other"))
    labelled = changed.model_copy(update={"metadata": changed.metadata.model_copy(update={"labels": {"a": "b"}})})

    second = await world.requester.workflows.apply(labelled)

    assert second.metadata.uid == first.metadata.uid
    assert second.metadata.generation == first.metadata.generation + 1
    assert (second.spec, second.metadata.labels) == (changed.spec, {"a": "b"})


async def test_applying_the_same_writes_nothing(world: World):
    first = await world.requester.workflows.apply(a_workflow())

    assert await world.requester.workflows.apply(a_workflow()) == first


async def test_they_are_listed_by_name(world: World):
    for name in ("pack", "bill", "ship"):
        await world.requester.workflows.apply(a_workflow(name=name))

    listed = await world.requester.workflows.list("default")

    assert [workflow.metadata.name for workflow in listed] == ["bill", "pack", "ship"]


async def test_namespaces_are_apart(world: World):
    await world.requester.workflows.apply(a_workflow(name="order"))

    assert await world.requester.workflows.list("elsewhere") == ()
    with pytest.raises(NotFound, match="order"):
        await world.requester.workflows.get(Key("elsewhere", "order"))


async def test_a_watch_tells_all_workflows_at_once_and_after_each_change(world: World):
    workflows = world.requester.workflows
    await workflows.apply(a_workflow(name="order"))
    async with asyncio.timeout(10):
        watch = workflows.watch("default")
        assert [found.metadata.name for found in await anext(watch)] == ["order"]
        await workflows.apply(a_workflow(name="refund"))
        assert {found.metadata.name for found in await anext(watch)} == {"order", "refund"}
        await workflows.apply(a_workflow(a_step("other"), name="order"))
        changed = {found.metadata.name: found for found in await anext(watch)}
        await watch.aclose()
    assert changed["order"].spec.steps[0].name == "other"


async def test_a_watch_of_one_namespace_tells_nothing_of_others(world: World):
    await world.requester.workflows.apply(a_workflow(name="order"))
    watch = world.requester.workflows.watch("elsewhere")
    async with asyncio.timeout(10):
        assert await anext(watch) == ()
        await watch.aclose()
