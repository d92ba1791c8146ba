"""Attempts of a run, for tests of the process runner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run, a_spec

STEP = "work"


async def a_new_run(backend: LocalBackend, name: str = "order-1") -> WorkflowRun:
    return await backend.access.runs.create(a_run(a_spec(), name=name))


def start_of(run: WorkflowRun, source: str, *, number: int = 1, **program: Any) -> StartAttempt:
    document = {"context": {}, "steps": {}, "item": None, "run": {"name": run.metadata.name}, "step": STEP}
    return StartAttempt(
        id=AttemptId(STEP, number),
        name=f"{run.metadata.name}-{STEP}-{number}-0123456789",
        digest="sha256:one",
        program={"kind": "script", "runtime": "bash", "source": source, "dependencies": [], "env": [], **program},
        document={**document, "attempt": number, "idempotencyKey": f"key-{number}"},
    )


def stop_of(command: StartAttempt) -> StopAttempt:
    return StopAttempt(command.id, command.name)


async def seen(backend: LocalBackend, run: WorkflowRun, wanted: Callable[[AttemptFact], object]) -> AttemptFact:
    """The newest attempt, once it is as wanted."""
    async with asyncio.timeout(20):
        while True:
            facts = await backend.runner.observe(run)
            if facts and wanted(facts[max(facts)]):
                return facts[max(facts)]
            await asyncio.sleep(0.01)


async def ended(backend: LocalBackend, run: WorkflowRun) -> AttemptFact:
    return await seen(backend, run, lambda fact: fact.ended)
