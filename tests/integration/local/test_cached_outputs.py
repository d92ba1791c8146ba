"""What a run took from another one is its own: kept in the database with it."""

from __future__ import annotations

import asyncio

import pytest

from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.caching import StepCache
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_step, a_workflow
from tests.integration.local.assembly import driver_of, open_backend
from tests.integration.local.conftest import Machine

WORKFLOW = a_workflow(a_step("make", "output \"$(printf '%09000d' 7)\"", cache=StepCache(ttl="1h")))


@pytest.fixture
def backend(machine: Machine) -> LocalBackend:
    opened = open_backend(machine.directory.root, grace_seconds=0.3)
    machine.opened.append(opened)
    return opened


async def ended(backend: LocalBackend, name: str) -> WorkflowRun:
    """A run of the Workflow, at its end and with nothing of it alive."""
    await backend.access.runs.create(a_run(WORKFLOW, name=name))
    async with asyncio.timeout(30):
        await driver_of(backend).drive(idle_seconds=0)
    return await backend.access.runs.get(Key("default", name))


async def test_a_large_output_lasts_when_the_run_that_made_it_is_removed(backend: LocalBackend):
    await backend.access.workflows.apply(WORKFLOW)
    first = await ended(backend, "order-1")
    second = await ended(backend, "order-2")
    await backend.access.runs.delete(first)
    third = await ended(backend, "order-3")

    assert [run.status.steps["make"].cached.run for run in (second, third)] == ["order-1", "order-1"]
    for run in (second, third):
        ref = output_ref(run.status.output_ref)
        assert (await backend.outputs.load(run, ref))[-3:] == "007"
