"""A data directory, and backends that open it: each stands for another process, for each has its own connection."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex

import pytest

from penstock.adapters.local import processes
from penstock.adapters.local.backend import LocalBackend
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import HarnessSettings
from penstock.engine.model import AttemptId
from penstock.testing.clock import FakeClock
from penstock_runtimes import harness_command


@dataclass
class Machine:
    """One person's machine."""

    folder: Path
    directory: DataDirectory
    clock: FakeClock = field(default_factory=FakeClock)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": os.defpath})
    harness: tuple[str, ...] = field(default_factory=harness_command)
    opened: list[LocalBackend] = field(default_factory=list)

    def open(self) -> LocalBackend:
        """What another process would see."""
        harness = HarnessSettings(self.harness, self.environment, self.folder / "secrets", grace_seconds=0.3)
        backend = LocalBackend(self.directory, "alice", self.clock, lambda: token_hex(16), harness)
        self.opened.append(backend)
        return backend

    def living(self) -> list[int]:
        """Process ids of attempts that live."""
        found = []
        for path in self.directory.root.glob("runs/*/*.pid"):
            step, *numbers = path.stem.split("-")
            if processes.lives(self.directory.attempt(path.parent.name, AttemptId(step, *map(int, numbers)))):
                found.append(int(path.read_text()))
        return found

    async def close(self) -> None:
        for pid in self.living():
            processes.kill_session(pid)
        for backend in self.opened:
            await backend.close()


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    made = Machine(tmp_path, DataDirectory(tmp_path / "data"))
    yield made
    await made.close()


@pytest.fixture
def marks(tmp_path: Path) -> Callable[[], list[str]]:
    """The lines that scripts have appended to the file `marks`."""

    def read() -> list[str]:
        path = tmp_path / "marks"
        return path.read_text().splitlines() if path.exists() else []

    return read
