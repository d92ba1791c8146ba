"""Outputs beside their runs: kept once, read back as they were, or said to be lost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, canonical, digest_of
from penstock.engine.identifiers import output_name
from penstock.engine.model import OutputRef
from penstock.errors import OutputLost
from penstock.testing.builders import a_run, a_workflow
from tests.contract.worlds import World

LINES = [{"sku": "Öl \U0001f6e2", "count": number, "note": None} for number in range(400)]


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


def to_keep(run: WorkflowRun, value: Any) -> StoreOutput:
    text = canonical(value)
    content = digest_of(OUTPUT_SCHEME, text)
    name = output_name(run.metadata.name, run.metadata.uid, content)
    return StoreOutput(OutputRef(name, content, len(text)), value, text)


async def test_an_output_is_read_back_as_it_was_by_the_engine_and_by_people(world: World, run: WorkflowRun):
    asked = to_keep(run, LINES)

    await world.outputs.store(run, asked)

    assert await world.outputs.load(run, asked.ref) == LINES
    assert await world.requester.outputs.load(run, asked.ref) == LINES


async def test_keeping_it_twice_is_harmless(world: World, run: WorkflowRun):
    asked = to_keep(run, LINES)

    await world.outputs.store(run, asked)
    await world.outputs.store(run, asked)

    assert await world.outputs.load(run, asked.ref) == LINES


async def test_an_output_of_many_parts_is_one_output(world: World, run: WorkflowRun):
    asked = to_keep(run, ["ä" * 450_000, "b" * 900_000, "\U0001f6e2" * 300_000])

    await world.outputs.store(run, asked)

    assert await world.requester.outputs.load(run, asked.ref) == asked.value


async def test_runs_of_one_content_keep_it_each_for_themselves(world: World, run: WorkflowRun):
    other = await world.requester.runs.create(a_run(name="order-2"))
    mine, theirs = to_keep(run, LINES), to_keep(other, LINES)
    assert mine.ref.name != theirs.ref.name

    await world.outputs.store(run, mine)

    with pytest.raises(OutputLost):
        await world.outputs.load(other, theirs.ref)


@pytest.mark.parametrize(
    "text", [None, json.dumps("x" * 19_000), "[]", ""], ids=["gone", "another", "a shorter one", "emptied"]
)
async def test_an_output_that_is_not_what_it_was_is_lost(world: World, run: WorkflowRun, text: str | None):
    asked = to_keep(run, LINES)
    await world.outputs.store(run, asked)

    world.alter_output(asked.ref.name, text)

    with pytest.raises(OutputLost):
        await world.requester.outputs.load(run, asked.ref)
