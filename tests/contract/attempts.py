"""Attempts of contract tests: how they are asked for, and waiting for what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptFact
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from tests.contract.worlds import Behaviour, World

SECONDS = 60
"""Long enough for a pod on a busy machine; nobody waits that long for what happens."""


def attempt_of(
    world: World, run: WorkflowRun, behaviour: Behaviour, step: str = "work", number: int = 1
) -> StartAttempt:
    document: dict[str, Any] = {
        "context": {},
        "steps": {},
        "item": None,
        "run": {"name": run.metadata.name, "namespace": run.metadata.namespace},
        "step": step,
        "attempt": number,
        "idempotencyKey": f"{run.metadata.uid}/{step}/{number}",
    }
    name = attempt_name(run.metadata.name, run.metadata.uid, step, number)
    return StartAttempt(AttemptId(step, number), name, "sha256:one", world.program(step, behaviour), document)


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
