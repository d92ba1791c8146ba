"""Real processes: what survives whom, what is cleaned up, what a program finds around it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.adapters.local import processes
from penstock.adapters.local.attempts import AttemptTable
from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.database import Database
from penstock.api.v1alpha1.run import WorkflowRun, WorkflowRunStatus
from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId
from tests.integration.local.attempts import STEP, a_new_run, ended, seen, start_of, stop_of
from tests.integration.local.conftest import Machine
from tests.support.eventually import eventually

Marks = Callable[[], list[str]]


def mark(machine: Machine, text: str = "started") -> str:
    return f"echo {text} >> {machine.folder}/marks"


def fence(machine: Machine, run: WorkflowRun, command: StartAttempt) -> None:
    """What a driver has done that was killed before it could start the process."""
    database = Database(machine.directory.database)
    AttemptTable(database).fence(run, command, uid="0001", nonce="0002")
    database.close()


def wait_for(path: Path) -> str:
    return f"until [ -e {path} ]; do sleep 0.02; done"


async def test_an_attempt_outlives_its_driver_and_is_found_again(machine: Machine, marks: Marks):
    first = machine.open()
    run = await a_new_run(first)
    go = machine.folder / "go"
    source = "\n".join([mark(machine), wait_for(go), "output '{\"done\": true}'"])
    await first.runner.start(run, start_of(run, source))
    before = await seen(first, run, lambda fact: fact.phase is AttemptPhase.RUNNING)
    await first.close()
    machine.opened.remove(first)

    second = machine.open()
    after = (await second.runner.observe(run))[AttemptId(STEP, 1)]
    await second.runner.start(run, start_of(run, source))
    go.touch()

    assert (after.phase, after.uid) == (AttemptPhase.RUNNING, before.uid)
    assert (await ended(second, run)).output == {"done": True}
    assert marks() == ["started"]


async def test_what_ended_while_nobody_watched_is_read_from_its_log(machine: Machine, marks: Marks):
    first = machine.open()
    run = await a_new_run(first)
    go = machine.folder / "go"
    source = "\n".join([mark(machine), wait_for(go), "output 7"])
    await first.runner.start(run, start_of(run, source))
    await first.close()
    machine.opened.remove(first)
    go.touch()
    await eventually(lambda: not machine.living() and marks())

    second = machine.open()

    assert (await second.runner.observe(run))[AttemptId(STEP, 1)].output == 7
    assert marks() == ["started"]


async def test_a_driver_killed_between_fence_and_start_leaves_an_attempt_that_may_be_started(
    machine: Machine, marks: Marks
):
    backend = machine.open()
    run = await a_new_run(backend)
    command = start_of(run, mark(machine))
    fence(machine, run, command)

    assert await backend.runner.observe(run) == {}
    await backend.runner.start(run, command)

    assert (await ended(backend, run)).phase is AttemptPhase.SUCCEEDED
    assert marks() == ["started"]


async def test_a_process_that_has_not_come_to_its_first_act_is_waited_for(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    command = start_of(run, "true")
    fence(machine, run, command)
    handle = processes.lock_log(machine.directory.attempt(run.metadata.uid, AttemptId(STEP, 1)))
    assert handle is not None

    await backend.runner.start(run, command)
    assert (await backend.runner.observe(run))[AttemptId(STEP, 1)].phase is AttemptPhase.RUNNING

    os.close(handle)
    assert (await ended(backend, run)).phase is AttemptPhase.LOST


async def test_an_attempt_stopped_before_its_start_never_starts(machine: Machine, marks: Marks):
    backend = machine.open()
    run = await a_new_run(backend)
    command = start_of(run, mark(machine))
    fence(machine, run, command)

    await backend.runner.stop(run, stop_of(command))
    await backend.runner.start(run, command)

    fact = await ended(backend, run)
    assert fact.failure is not None
    assert fact.failure.code == "CANCELLED"
    assert marks() == []


async def test_an_attempt_that_nobody_will_start_any_more_is_closed(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    fence(machine, run, start_of(run, "true"))
    run = await backend.ledger.save_status(run, WorkflowRunStatus(phase="Cancelled"))
    driver = backend.driver(_never)
    assert [key.name for key in driver.unfinished()] == ["order-1"]

    await backend.runner.observe(run)

    assert driver.unfinished() == ()


async def _never(key: object) -> None:
    raise AssertionError(key)


async def test_another_content_under_one_name_is_not_started_and_seen_as_another(machine: Machine, marks: Marks):
    backend = machine.open()
    run = await a_new_run(backend)
    first = start_of(run, "true")
    await backend.runner.start(run, first)
    await ended(backend, run)

    await backend.runner.start(run, replace(first, digest="sha256:two", program={"source": mark(machine)}))

    assert (await backend.runner.observe(run))[AttemptId(STEP, 1)].digest == "sha256:one"
    assert marks() == []


async def test_a_stopped_program_may_tidy_up(machine: Machine, marks: Marks):
    backend = machine.open()
    run = await a_new_run(backend)
    source = "\n".join(
        [f"trap '{mark(machine, 'tidied')}; exit 1' TERM", mark(machine), "while :; do sleep 0.02; done"]
    )
    command = start_of(run, source)
    await backend.runner.start(run, command)
    await eventually(marks)

    await backend.runner.stop(run, stop_of(command))

    fact = await ended(backend, run)
    assert fact.failure is not None
    assert fact.failure.code == "CANCELLED"
    assert marks() == ["started", "tidied"]


async def test_a_program_that_does_not_listen_is_killed(machine: Machine, marks: Marks):
    backend = machine.open()
    run = await a_new_run(backend)
    command = start_of(run, "\n".join(["trap '' TERM", mark(machine), "while :; do sleep 0.02; done"]))
    await backend.runner.start(run, command)
    await eventually(marks)

    await backend.runner.stop(run, stop_of(command))

    assert (await ended(backend, run)).phase is AttemptPhase.FAILED
    assert machine.living() == []


async def test_a_harness_that_hangs_is_killed_with_all_that_it_started(machine: Machine, marks: Marks):
    deaf = f"""
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.fork()
with open("{machine.folder}/marks", "a") as marks:
    marks.write(f"{{os.getpid()}}\\n")
time.sleep(60)
"""
    machine.harness = (sys.executable, "-I", "-S", "-c", deaf)
    backend = machine.open()
    run = await a_new_run(backend)
    command = start_of(run, "true")
    await backend.runner.start(run, command)
    await eventually(lambda: len(marks()) == 2)

    await backend.runner.stop(run, stop_of(command))

    assert (await ended(backend, run)).phase is AttemptPhase.LOST
    await eventually(lambda: not any(_exists(int(pid)) for pid in marks()))


async def test_what_a_killed_harness_leaves_behind_is_ended(machine: Machine, marks: Marks):
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, f"echo $$ >> {machine.folder}/marks; sleep 60"))
    await eventually(marks)

    os.kill(machine.living()[0], signal.SIGKILL)

    fact = await ended(backend, run)
    assert fact.phase is AttemptPhase.LOST
    assert fact.failure is not None
    assert (fact.failure.code, "SIGKILL" in fact.failure.reason) == ("SIGNALLED", True)
    await eventually(lambda: not _exists(int(marks()[0])))


def _exists(pid: int) -> bool:
    try:
        # A zombie is gone for all that matters; nobody in a test's container may collect it.
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def printed_by(backend: LocalBackend, run: WorkflowRun) -> str:
    pieces = [piece.data async for piece in backend.access.logs.read(run, AttemptId(STEP, 1))]
    return b"".join(pieces).decode()


async def test_a_program_finds_a_clean_environment(machine: Machine):
    machine.environment |= {"AWS_SECRET_ACCESS_KEY": "s3cret", "LC_ALL": "C", "PIP_INDEX_URL": "https://pypi.example"}
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, "env", env=[{"name": "REGION", "value": "north"}]))
    await ended(backend, run)

    printed = await printed_by(backend, run)
    names = {line.partition("=")[0] for line in printed.splitlines()}

    assert "REGION=north" in printed
    assert "PIP_INDEX_URL=https://pypi.example" in printed
    assert "AWS_SECRET_ACCESS_KEY" not in names
    assert not names & {"PENSTOCK_INPUT", "PENSTOCK_WORKDIR"}


async def test_dependencies_are_installed_with_the_uv_that_came_along(machine: Machine):
    interpreter, installer = machine.folder / "python", machine.folder / "uv"
    interpreter.write_text('#!/bin/sh\necho "installer: $PENSTOCK_UV, cache: $UV_CACHE_DIR"\n')
    installer.write_text("")
    interpreter.chmod(0o700)
    machine.harness = (str(interpreter),)
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, "true"))
    await ended(backend, run)

    printed = await printed_by(backend, run)

    assert printed == f"installer: {installer}, cache: {machine.directory.installer_cache}\n"


async def test_an_environment_that_is_too_large_is_an_error_of_the_step(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    huge = [{"name": f"V{number}", "value": "x" * 32_000} for number in range(100)]

    await backend.runner.start(run, start_of(run, "true", env=huge))

    fact = await ended(backend, run)
    assert fact.failure is not None
    assert "environment is too large" in fact.failure.reason


async def test_nothing_but_the_log_stays_of_an_attempt(machine: Machine):
    backend = machine.open()
    run = await a_new_run(backend)
    await backend.runner.start(run, start_of(run, "mkdir -p deep/er; echo x > deep/er/file; echo printed"))
    await ended(backend, run)

    folder = machine.directory.run(run.metadata.uid)
    await eventually(lambda: sorted(path.name for path in folder.iterdir()) == ["work-1.log", "work-1.pid"])
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "work-1.log").stat().st_mode & 0o077 == 0


async def test_progress_is_told_while_the_program_runs(machine: Machine):
    backend = machine.open()
    told: list[str] = []
    backend.runner.subscribe(lambda key: told.append(key.name))
    run = await a_new_run(backend)
    go = machine.folder / "go"
    await backend.runner.start(run, start_of(run, f"progress 3 7 packing\n{wait_for(go)}"))
    before = len(told)

    fact = await seen(backend, run, lambda fact: fact.message)

    assert fact.phase is AttemptPhase.RUNNING
    assert "packing" in (fact.message or "")
    assert len(told) > before
    go.touch()
    await ended(backend, run)


@pytest.mark.parametrize("stopped", [False, True], ids=["goes on", "is stopped"])
async def test_an_attempt_of_an_earlier_driver_is_under_control(machine: Machine, marks: Marks, *, stopped: bool):
    first = machine.open()
    run = await a_new_run(first)
    go = machine.folder / "go"
    command = start_of(run, "\n".join([mark(machine), wait_for(go)]))
    await first.runner.start(run, command)
    await eventually(marks)
    await first.close()
    machine.opened.remove(first)
    second = machine.open()

    if stopped:
        await second.runner.stop(run, stop_of(command))
    else:
        await second.runner.observe(run)
        go.touch()

    assert (await ended(second, run)).phase is (AttemptPhase.FAILED if stopped else AttemptPhase.SUCCEEDED)
