"""Kills drivers at chosen lines of their own code and sees whether the run comes to the same end. A program of its own.

    python -m tests.integration.local.crash_trials FOLDER TRIALS

Each trial has a data directory with one run. A first driver, in a fork, is killed (SIGKILL, by itself) at the Nth line
that it executes of the local adapter and of the loop above it; a second one, in another fork, finishes the run. N goes
evenly through all the lines of an undisturbed run. Prints one line of JSON a trial.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from penstock.api.v1alpha1.workflow import Retry, WorkflowSpec
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_spec, a_step
from tests.integration.local.assembly import driver_of, open_backend

KEY = Key("default", "order-1")
WATCHED = ("penstock/adapters/local/", "penstock/application/")
Trace = Callable[[FrameType, str, Any], Any]


def workflow(marks: Path) -> WorkflowSpec:
    """A first step, two beside each other of which one fails at first, and a last one."""
    mark = f'echo "$PENSTOCK_STEP $PENSTOCK_ATTEMPT" >> {marks}'
    flaky = f'{mark}\n[ "$PENSTOCK_ATTEMPT" = 2 ] || fail NOT_YET "not yet"\noutput 2'
    retry = Retry.model_validate({"limit": 1, "backoff": {"initial": "10ms"}})
    return a_spec(
        a_step("first", f"{mark}\noutput 1"),
        a_step("flaky", flaky, needs=("first",), retry=retry),
        a_step("calm", f"{mark}\noutput 3", needs=("first",)),
        a_step("last", f"{mark}\noutput 4", needs=("flaky", "calm")),
    )


class LineCounter:
    """Counts lines of the watched code; at the one given it kills this process."""

    def __init__(self, kill_at: int | None) -> None:
        self.lines = 0
        self._kill_at = kill_at

    def trace(self, frame: FrameType, event: str, argument: object) -> Trace | None:
        if not any(part in frame.f_code.co_filename for part in WATCHED):
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self._kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
        return self.trace


def drive(folder: Path, kill_at: int | None) -> int:
    """Drive the run to its end; the number of lines that this took."""
    counter = LineCounter(kill_at)

    async def until_idle() -> None:
        backend = open_backend(folder)
        await driver_of(backend).drive(idle_seconds=0)
        await backend.close()

    sys.settrace(counter.trace)
    try:
        asyncio.run(until_idle())
    finally:
        sys.settrace(None)
    return counter.lines


def in_fork(work: Callable[[], int]) -> int | None:
    """What `work` returns in a process of its own; None when that was killed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    os.waitpid(pid, 0)
    with open(reader, encoding="ascii") as answer:
        text = answer.read()
    return int(text) if text else None


def prepare(folder: Path) -> None:
    async def create() -> None:
        backend = open_backend(folder)
        await backend.access.runs.create(a_run(workflow(folder / "marks")))
        await backend.close()

    asyncio.run(create())


def report(folder: Path) -> dict[str, Any]:
    async def read() -> dict[str, Any]:
        backend = open_backend(folder)
        run = await backend.access.runs.get(KEY)
        await backend.close()
        marks = sorted((folder / "marks").read_text().splitlines())
        steps = {name: step.phase for name, step in run.status.steps.items()}
        error = run.status.error.code if run.status.error else None
        return {"phase": run.status.phase, "error": error, "steps": steps, "marks": marks}

    return asyncio.run(read())


def trial(folder: Path, kill_at: int) -> dict[str, Any]:
    prepare(folder)
    killed = in_fork(lambda: drive(folder, kill_at)) is None
    in_fork(lambda: drive(folder, None))
    return {"line": kill_at, "killed": killed, **report(folder)}


def main() -> None:
    folder, trials = Path(sys.argv[1]), int(sys.argv[2])
    prepare(folder / "whole")
    lines = in_fork(lambda: drive(folder / "whole", None))
    assert lines is not None
    for number in range(trials):
        kill_at = 1 + lines * number // trials
        print(json.dumps(trial(folder / f"trial-{number}", kill_at)), flush=True)


if __name__ == "__main__":
    main()
