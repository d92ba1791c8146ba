"""What a contract test needs of an adapter: one world each, the same face.

A further adapter is one class here and one line in `conftest.WORLDS`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any, Protocol

from penstock.adapters.local import processes
from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import HarnessSettings
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StartAttempt
from penstock.engine.model import AttemptId
from penstock.ports.access import Access
from penstock.ports.engine import Gates, Ledger, Outputs, Revisions, StepRunner
from penstock.ports.schedules import ScheduledRuns, WorkflowLedger
from penstock.testing.clock import FakeClock
from penstock.testing.memory_runner import Ending, bad, failed, good, lost, succeeded
from penstock.testing.memory_runner import items as of_items
from penstock.testing.memory_world import MemoryWorld
from penstock_runtimes import harness_command


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a step's program does: prints, then ends with an output or a failure, or goes on and on."""

    prints: str = ""
    output: Any = None
    code: str = ""
    reason: str = ""
    endless: bool = False
    then: str = ""
    """Printed before its end, once the world was told to let it go on."""
    bad: frozenset[int] = frozenset()
    """Items that fail with BAD_ROW; the others give a list with the item itself."""
    dies_at: int | None = None
    """The attempt is killed with everything while this item runs."""


class World(Protocol):
    """One adapter, ready to be tried."""

    requester: Access
    """Of somebody who asks for runs."""
    approver: Access
    """Of an approver called `approver_name`; where there is only one person, it is the same."""
    approver_name: str
    ledger: Ledger
    revisions: Revisions
    gates: Gates
    runner: StepRunner
    workflows: WorkflowLedger
    scheduled: ScheduledRuns
    outputs: Outputs

    async def open(self) -> None:
        """Make everything ready."""

    def program(self, step: str, behaviour: Behaviour) -> Mapping[str, Any]:
        """A program for the next attempt of this step that does as it is told."""

    def starts(self, step: str) -> int:
        """How often a program of this step was started."""

    async def go_on(self, run: WorkflowRun, step: str) -> None:
        """Let the step's newest attempt, which has printed and waits, print the rest and end."""

    async def kill(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make an attempt vanish without a result, as an accident would."""

    def alter_output(self, name: str, text: str | None) -> None:
        """Put something else in the place of a kept output, or take it away (None), as only an accident could."""

    def batch_program(self, step: str, behaviour: Behaviour, items: Sequence[tuple[int, Any]]) -> Mapping[str, Any]:
        """The same for an attempt that is given these items."""

    async def close(self) -> None:
        """Leave nothing behind."""


class InMemory:
    """The twins."""

    def __init__(self, folder: Path) -> None:
        world = MemoryWorld()
        self.world = world
        self.requester = world.access("bob", client="agent-7")
        self.approver_name = "alice"
        self.approver = world.access("alice")
        self.ledger, self.revisions, self.gates = world.ledger, world.revisions, world.gates
        self.runner = world.runner
        self.workflows = self.scheduled = world.schedules
        self.outputs = world.outputs
        self._held: dict[str, Behaviour] = {}

    async def open(self) -> None:
        pass

    def program(self, step: str, behaviour: Behaviour) -> Mapping[str, Any]:
        if behaviour.then:
            self._held[step] = replace(behaviour, prints=behaviour.then)
            self.runner.will_say(step, behaviour.prints.encode())
        elif not behaviour.endless:
            self.runner.will(step, _ending(behaviour))
        return {"kind": "script"}

    def batch_program(self, step: str, behaviour: Behaviour, items: Sequence[tuple[int, Any]]) -> Mapping[str, Any]:
        died = [index for index, _ in items].index(behaviour.dies_at) if behaviour.dies_at is not None else None
        results = [
            bad(index, "BAD_ROW", f"row {index}") if index in behaviour.bad else good(index, [value])
            for index, value in items[:died]
        ]
        begun = None if died is None else died + 1
        self.runner.will(step, of_items(*results, begun=begun, printed=behaviour.prints.encode() * len(items)))
        return {"kind": "script"}

    def starts(self, step: str) -> int:
        return len([name for name in self.runner.starts if step in name])

    async def go_on(self, run: WorkflowRun, step: str) -> None:
        self.runner.end(run, step, _ending(self._held.pop(step)))

    async def kill(self, run: WorkflowRun, command: StartAttempt) -> None:
        self.runner.end(run, command.id.step, lost())

    def alter_output(self, name: str, text: str | None) -> None:
        [key] = [key for key in self.outputs.texts if key[1] == name]
        if text is None:
            del self.outputs.texts[key]
        else:
            self.outputs.texts[key] = text.encode()

    async def close(self) -> None:
        pass


def _ending(behaviour: Behaviour) -> Ending:
    printed = behaviour.prints.encode()
    if behaviour.code:
        return failed(behaviour.code, behaviour.reason, printed=printed)
    return succeeded(behaviour.output, printed=printed)


class OnDisk:
    """Local mode: SQLite and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.directory = DataDirectory(folder / "data")
        harness = HarnessSettings(
            command=harness_command(),
            inherited={"PATH": os.defpath},
            secrets=folder / "secrets",
            grace_seconds=0.5,
        )
        self.backend = LocalBackend(self.directory, "alice", FakeClock(), lambda: token_hex(16), harness)
        self.requester = self.approver = self.backend.access
        self.approver_name = "alice"
        self.ledger, self.revisions, self.gates = self.backend.ledger, self.backend.revisions, self.backend.gates
        self.runner = self.backend.runner
        self.workflows, self.scheduled = self.backend.workflows, self.backend.scheduled
        self.outputs = self.backend.outputs

    async def open(self) -> None:
        pass

    def program(self, step: str, behaviour: Behaviour) -> Mapping[str, Any]:
        lines = [f"echo started >> {self._folder / step}.starts", f"printf %s {_quoted(behaviour.prints)}"]
        if behaviour.then:
            lines.append(f"until [ -e {self._folder / step}.go ]; do sleep 0.01; done")
            lines.append(f"printf %s {_quoted(behaviour.then)}")
        if behaviour.endless:
            lines.append("sleep 60")
        if behaviour.output is not None:
            lines.append(f"output {_quoted(json.dumps(behaviour.output))}")
        if behaviour.code:
            lines.append(f"fail {behaviour.code} {_quoted(behaviour.reason)}")
        return {"kind": "script", "runtime": "bash", "source": "\n".join(lines), "dependencies": [], "env": []}

    def batch_program(self, step: str, behaviour: Behaviour, items: Sequence[tuple[int, Any]]) -> Mapping[str, Any]:
        lines = [f"echo started >> {self._folder / step}.starts", f"printf %s {_quoted(behaviour.prints)}"]
        if behaviour.dies_at is not None:
            lines.append(f'if [ "$PENSTOCK_ITEM_INDEX" = {behaviour.dies_at} ]; then kill -9 $PPID; sleep 60; fi')
        lines += [
            f'if [ "$PENSTOCK_ITEM_INDEX" = {index} ]; then fail BAD_ROW "row {index}"; fi' for index in behaviour.bad
        ]
        lines.append('output "[\\"$(item_value)\\"]"')
        return {"kind": "script", "runtime": "bash", "source": "\n".join(lines), "dependencies": [], "env": []}

    def starts(self, step: str) -> int:
        marks = self._folder / f"{step}.starts"
        return len(marks.read_text().splitlines()) if marks.exists() else 0

    async def go_on(self, run: WorkflowRun, step: str) -> None:
        (self._folder / f"{step}.go").touch()

    async def kill(self, run: WorkflowRun, command: StartAttempt) -> None:
        files = self.directory.attempt(run.metadata.uid, command.id)
        os.kill(int(files.pid.read_text()), signal.SIGKILL)

    def alter_output(self, name: str, text: str | None) -> None:
        with contextlib.closing(sqlite3.connect(self.directory.database, isolation_level=None)) as database:
            if text is None:
                database.execute("DELETE FROM outputs WHERE name = ?", (name,))
            else:
                database.execute("UPDATE outputs SET body = ? WHERE name = ?", (text, name))

    async def close(self) -> None:
        for path in self.directory.root.glob("runs/*/*.pid"):
            step, *numbers = path.stem.split("-")
            files = self.directory.attempt(path.parent.name, AttemptId(step, *map(int, numbers)))
            if processes.lives(files):
                processes.kill_session(int(path.read_text()))
        await self.backend.close()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
