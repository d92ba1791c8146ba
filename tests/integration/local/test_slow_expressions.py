"""Expressions that take for ever, in runs of the real driver: they fail by themselves, and the other runs go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_step
from tests.integration.local.assembly import driver_of, open_backend
from tests.integration.local.conftest import Machine

LOOP = "context.n.map(a, context.n.map(b, a + b)).size() == 0"
MANY = 20
"""More than there are passes at once."""


@pytest.fixture
def backend(machine: Machine) -> LocalBackend:
    opened = open_backend(machine.directory.root, grace_seconds=0.3)
    machine.opened.append(opened)
    return opened


@pytest.fixture
async def patient() -> AsyncIterator[CelEvaluator]:
    """Its deadline is later than the end of any test here."""
    made = CelEvaluator(deadline=timedelta(minutes=10))
    yield made
    made.close()


@pytest.fixture
async def strict() -> AsyncIterator[CelEvaluator]:
    made = CelEvaluator(deadline=timedelta(milliseconds=500))
    yield made
    made.close()


async def submit(backend: LocalBackend, name: str, when: str, numbers: int) -> WorkflowRun:
    run = a_run(a_spec(a_step("work", "output 1", when=when)), name=name, context={"n": list(range(numbers))})
    return await backend.access.runs.create(run)


async def end_of(backend: LocalBackend, name: str) -> WorkflowRun:
    async with asyncio.timeout(60):
        async for run in backend.access.runs.watch(Key("default", name)):
            if run.status.finished_at is not None:
                return run
    raise AssertionError("a watch has no end")


async def test_runs_come_to_their_end_while_more_slow_expressions_are_worked_out_than_there_are_passes(
    backend: LocalBackend, patient: CelEvaluator
):
    for number in range(MANY):
        await submit(backend, f"slow-{number}", LOOP, 1_900)
    async with driver_of(backend, patient).driving():
        for number in range(3):
            await submit(backend, f"order-{number}", f"context.n.map(x, x + {number}).size() == 2", 2)
            run = await end_of(backend, f"order-{number}")
            assert run.status.phase == "Succeeded"
            assert run.status.output == 1
        for number in range(MANY):
            slow = await backend.access.runs.get(Key("default", f"slow-{number}"))
            assert slow.status.finished_at is None


@pytest.mark.parametrize(
    ("when", "numbers", "why"),
    [
        pytest.param(LOOP, 1_900, "it took longer than 0.5 s", id="slow"),
        pytest.param("context.n.all(n, n >= 0)", 2_001, "context.n has 2,001 elements", id="over too long a list"),
    ],
)
async def test_such_a_run_fails_and_says_which_step_field_and_text(
    backend: LocalBackend, strict: CelEvaluator, when: str, numbers: int, why: str
):
    await submit(backend, "slow", when, numbers)
    async with driver_of(backend, strict).driving():
        run = await end_of(backend, "slow")

    assert run.status.phase == "Failed"
    assert run.status.error is not None
    assert run.status.error.code == "EXPRESSION_ERROR"
    assert run.status.error.step == "work"
    assert run.status.error.reason.startswith(f"when: `{when}`: {why}")
