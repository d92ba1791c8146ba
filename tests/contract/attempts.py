"""Attempts of contract tests: how they are asked for, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from penstock.api.v1alpha1.items import BatchStatus, ItemsStatus
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptFact
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from penstock.ports.access import Key
from tests.contract.worlds import Behaviour, World

SECONDS = 60
"""Long enough for a pod on a busy machine; nobody waits that long for what happens."""


def attempt_of(
    world: World, run: WorkflowRun, behaviour: Behaviour, step: str = "work", number: int = 1
) -> StartAttempt:
    name = attempt_name(run.metadata.name, run.metadata.uid, step, number)
    program = world.program(step, behaviour)
    return StartAttempt(AttemptId(step, number), name, "sha256:one", program, _document(run, step, number))


def _document(run: WorkflowRun, step: str, number: int) -> dict[str, Any]:
    return {
        "context": {},
        "steps": {},
        "item": None,
        "run": {"name": run.metadata.name, "namespace": run.metadata.namespace},
        "step": step,
        "attempt": number,
        "idempotencyKey": f"{run.metadata.uid}/{step}/{number}",
    }


async def start_batch(
    world: World, run: WorkflowRun, behaviour: Behaviour, items: Sequence[tuple[int, Any]], batch: int = 0
) -> tuple[WorkflowRun, StartAttempt]:
    """Have an attempt of a batch of the step `work` written down and started: the run then, and the attempt."""
    at = AttemptId("work", 1, batch)
    command = StartAttempt(
        at,
        attempt_name(run.metadata.name, run.metadata.uid, *at),
        f"sha256:{batch}",
        world.batch_program("work", behaviour, items),
        {**_document(run, "work", 1), "items": [{"index": index, "value": value} for index, value in items]},
    )
    fresh = await world.ledger.load(Key(run.metadata.namespace, run.metadata.name))
    assert fresh is not None
    known = fresh.status.steps["work"].items if "work" in fresh.status.steps else None
    active = {
        **(known.active if known else {}),
        str(batch): BatchStatus(phase="Starting", attempt=1, digest=command.digest),
    }
    state = ItemsStatus(total=100, digest="sha256:list", next_batch=batch + 1, active=active)
    steps = {"work": StepStatus(phase="Starting", items=state)}
    written = await world.ledger.save_status(fresh, WorkflowRunStatus(phase="Running", steps=steps))
    await world.runner.start(written, command)
    return written, command


async def seen(
    world: World, run: WorkflowRun, command: StartAttempt, wanted: Callable[[AttemptFact], bool]
) -> AttemptFact:
    """The attempt, once it is as wanted."""
    async with asyncio.timeout(SECONDS):
        while True:
            fact = (await world.runner.observe(run)).get(command.id)
            if fact is not None and wanted(fact):
                return fact
            await asyncio.sleep(0.01)


async def ended(world: World, run: WorkflowRun, command: StartAttempt) -> AttemptFact:
    return await seen(world, run, command, lambda fact: fact.ended)
