"""Where things are in a data directory. Only this person can read it: logs and contexts may hold secrets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from penstock.engine.model import AttemptId
from penstock.errors import UserError


@dataclass(frozen=True, slots=True)
class AttemptFiles:
    """The files of one attempt."""

    log: Path
    """What it printed, with its records. Locked by the attempt's process for as long as that lives."""
    pid: Path
    """Its process id, written by the process itself before anything else: the proof that it was started."""
    work: Path
    """The folder that it runs in; removed at its end."""


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """One person's runs."""

    root: Path

    @property
    def database(self) -> Path:
        """The objects."""
        return self.root / "state.db"

    @property
    def driver_lock(self) -> Path:
        """Held by the one process that moves the runs."""
        return self.root / "driver.lock"

    @property
    def driver_log(self) -> Path:
        """What a detached driver has to say."""
        return self.root / "driver.log"

    @property
    def installer_cache(self) -> Path:
        """Packages that steps depend on, shared by all attempts."""
        return self.root / "uv-cache"

    @property
    def runs(self) -> Path:
        """A folder for each run."""
        return self.root / "runs"

    def run(self, uid: str) -> Path:
        """The folder of one run."""
        return self.runs / uid

    def events(self, uid: str) -> Path:
        """What happened in a run, one line each."""
        return self.run(uid) / "events.log"

    def workflow_events(self, uid: str) -> Path:
        """What a Workflow did by itself, one line each."""
        return self.root / "workflows" / f"{uid}.log"

    def attempt(self, run_uid: str, at: AttemptId) -> AttemptFiles:
        """The files of one attempt."""
        stem = "-".join(str(part) for part in at if part is not None)
        folder = self.run(run_uid)
        return AttemptFiles(log=folder / f"{stem}.log", pid=folder / f"{stem}.pid", work=folder / stem)

    def create(self) -> None:
        """Make the directory, readable by this person alone, unless it is there. Raises UserError where none can be."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"the data directory {self.root} cannot be made: {error.strerror}",
                hint="Set PENSTOCK_HOME to a directory that you may write to.",
            ) from error
