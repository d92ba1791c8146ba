"""Starts the cluster's processes, records them, and ends exactly those.

A process is known by its id and its start time, so that an id which the machine has given to another program since
is never signalled.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.cluster.programs import ClusterError, wait_until

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One started process."""

    name: str
    pid: int
    started: int
    """Clock ticks between boot and start (`/proc/PID/stat`, field 22)."""

    def alive(self) -> bool:
        """Whether it still runs; a zombie does not."""
        return start_time(self.pid) == self.started


def start_time(pid: int, proc: Path = PROC) -> int | None:
    """When a process started, in clock ticks since boot; None if there is none or only its zombie."""
    try:
        stat = (proc / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets, and may hold spaces and brackets itself.
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else int(fields[19])


class ProcessTable:
    """The recorded processes, in a file that is rewritten whole at every change."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._children: list[subprocess.Popen[bytes]] = []

    def read(self) -> dict[str, Process]:
        """All records by name; empty when nothing was started."""
        try:
            rows = json.loads(self._file.read_text())
        except FileNotFoundError:
            return {}
        return {row["name"]: Process(**row) for row in rows}

    def start(
        self, name: str, words: Sequence[str], *, log: Path, env: Mapping[str, str], cgroup: Path, mounts: int | None
    ) -> Process:
        """Start a process in the cgroup whose `cgroup.procs` is given, in the mount namespace of process `mounts`.

        It is recorded before this returns; its output is appended to `log`.
        """
        enter = ["nsenter", f"--mount=/proc/{mounts}/ns/mnt"] if mounts else []
        join = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(cgroup)]
        with log.open("ab") as output:
            child = subprocess.Popen(
                [*join, *enter, *words],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env=dict(env),
                start_new_session=True,
            )
        self._children.append(child)
        started = start_time(child.pid)
        if started is None:
            raise ClusterError(f"{name} ended at once; see {log}")
        process = Process(name, child.pid, started)
        self._write({**self.read(), name: process})
        return process

    def ended(self) -> list[str]:
        """The names of recorded processes that no longer run."""
        for child in self._children:
            child.poll()  # else what we started ourselves stays a zombie
        return [process.name for process in self.read().values() if not process.alive()]

    def stop(self, names: Sequence[str], *, patience: float = 5) -> None:
        """End the named processes: SIGTERM, then after `patience` seconds SIGKILL; wait until they are gone."""
        records = self.read()
        wanted = [records[name] for name in names if name in records]
        for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10)):
            left = [process for process in wanted if process.alive()]
            for process in left:
                send(process.pid, number)
            try:
                wait_until(lambda: self._gone(wanted), seconds=seconds, what="processes end")
                self._reap(wanted)
                break
            except ClusterError:
                if number == signal.SIGKILL:
                    raise
        self._write({name: process for name, process in records.items() if process not in wanted})

    def _gone(self, wanted: Sequence[Process]) -> bool:
        for child in self._children:
            child.poll()
        return not any(process.alive() for process in wanted)

    def _reap(self, ended: Sequence[Process]) -> None:
        for child in self._children:
            if child.pid in {process.pid for process in ended}:
                child.wait()

    def _write(self, records: Mapping[str, Process]) -> None:
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps([asdict(process) for process in records.values()], indent=2))
        fresh.replace(self._file)


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may be gone by now."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended between the look and the signal


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for an error message."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return "(no log)"
