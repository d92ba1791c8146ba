"""`container` steps in local mode: found on PATH, or said to be missing."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from penstock.api.v1alpha1.items import BatchStatus, ItemsStatus
from penstock.api.v1alpha1.run import StepStatus, WorkflowRun, WorkflowRunStatus
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from tests.integration.local.attempts import a_new_run, ended, start_of
from tests.integration.local.conftest import Machine

STAND_IN = Path(__file__).parents[2] / "support" / "container_tool.py"


def a_start(run: WorkflowRun, script: str, **program: Any) -> StartAttempt:
    what = {"kind": "container", "image": "tool", "command": ["sh", "-c"], "args": [script], "outputFrom": "log"}
    return start_of(run, "", **{**what, **program})


@pytest.fixture(params=["docker", "podman"])
def tool(machine: Machine, request: pytest.FixtureRequest) -> Path:
    folder = machine.folder / "bin"
    image = folder / "images" / "tool"
    image.mkdir(parents=True)
    (image / "user").write_text("65532")
    program = folder / request.param
    shutil.copy(STAND_IN, program)
    program.chmod(0o755)
    machine.environment["PATH"] = f"{folder}:{os.defpath}"
    return program


async def test_a_container_runs_under_what_is_installed(machine: Machine, tool: Path):
    backend = machine.open()
    run = await a_new_run(backend)
    variables = [{"name": "REGION", "value": "eu"}]
    await backend.runner.start(run, a_start(run, 'echo "{\\"region\\": \\"$REGION\\"}"', env=variables))
    fact = await ended(backend, run)
    assert (fact.phase, fact.output) == (AttemptPhase.SUCCEEDED, {"region": "eu"})


async def test_nothing_of_this_machines_environment_reaches_it(machine: Machine, tool: Path):
    machine.environment |= {"HOME": "/home/me", "DOCKER_HOST": "unix:///run/mine.sock", "PIP_INDEX_URL": "x"}
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, a_start(run, "env | cut -d= -f1 | grep -v PENSTOCK_ | sort | tr '\\n' ' '"))
    # What is left is the shell's own.
    assert set(str((await ended(backend, run)).output).split()) <= {"PATH", "PWD", "SHLVL", "OLDPWD", "_"}


async def test_without_docker_or_podman_the_step_says_what_it_needs(machine: Machine):
    nothing = machine.folder / "nothing"
    nothing.mkdir()
    machine.environment["PATH"] = str(nothing)
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, a_start(run, "true"))
    fact = await ended(backend, run)
    assert fact.failure is not None
    assert fact.failure.code == "RUNTIME_MISSING"
    assert "neither docker nor podman" in fact.failure.reason


async def test_one_of_many_items_gives_its_output_and_knows_its_place(machine: Machine, tool: Path):
    backend = machine.open()
    run = await a_new_run(backend)
    at = AttemptId("work", 1, 7)
    one = a_start(run, 'echo "[\\"$1\\", $PENSTOCK_ITEM_INDEX, \\"$PENSTOCK_IDEMPOTENCY_KEY\\"]"')
    program = {**one.program, "args": [*one.program["args"], "sh", "$(id)"]}
    command = replace(
        one,
        id=at,
        name=attempt_name(run.metadata.name, run.metadata.uid, *at),
        program=program,
        document={**one.document, "items": [{"index": 7, "value": {"name": "$(id)"}}]},
    )
    active = {"7": BatchStatus(phase="Starting", attempt=1, digest=one.digest)}
    items = ItemsStatus(total=9, digest="sha256:list", next_batch=8, active=active)
    steps = {"work": StepStatus(phase="Starting", items=items)}
    run = await backend.ledger.save_status(run, WorkflowRunStatus(phase="Running", steps=steps))
    await backend.runner.start(run, command)
    fact = await ended(backend, run)
    assert (fact.phase, fact.output) == (AttemptPhase.SUCCEEDED, ["$(id)", 7, "key-1/7"])
