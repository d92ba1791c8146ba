"""Who drives a data directory: the one process that holds its lock. The kernel lets go of it when that process ends."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from penstock.adapters.local.layout import DataDirectory


class DriverLock:
    """The lock of one data directory."""

    def __init__(self, directory: DataDirectory) -> None:
        self._path = directory.driver_lock
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process (or another driver in this one) holds it."""
        handle = self._handed_over()
        if handle is None:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def hand_over(self, command: Sequence[str], output: int) -> subprocess.Popen[bytes]:
        """Start a driver that holds the lock, once acquired, from its first instant. Raises OSError.

        It gets the lock as its standard input, and has it for as long as it runs; this process has it no longer.
        """
        try:
            return subprocess.Popen(
                command,
                stdin=self._handle,
                stdout=output,
                stderr=output,
                cwd=self._path.parent,
                start_new_session=True,
            )
        finally:
            self.release()

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _handed_over(self) -> int | None:
        """The lock, where whoever started this process took it on its behalf."""
        try:
            if not os.path.samestat(os.fstat(0), os.stat(self._path)):
                return None
        except OSError:
            return None
        handle = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, 3)
        nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.dup2(nothing, 0)
        os.close(nothing)
        return handle


class DetachedDriver:
    """A driver in a process of its own, which outlives the one that starts it."""

    def __init__(self, directory: DataDirectory, command: Sequence[str]) -> None:
        self._directory = directory
        self._command = command
        self._pid: int | None = None

    def ensure(self) -> None:
        """Start a driver unless one is at work. Call it after what it is to see was written. Raises OSError."""
        self._collect()
        lock = DriverLock(self._directory)
        if not lock.acquire():
            return
        with open(self._directory.driver_log, "ab", opener=_for_us_alone) as log:
            # Who comes next finds the lock taken, and starts no second driver, which might know of other Secrets.
            process = lock.hand_over(self._command, log.fileno())
        self._pid = process.pid
        # It outlives us on purpose; without a return code, Popen complains that it was forgotten.
        process.returncode = 0

    def _collect(self) -> None:
        """Collect an earlier driver that has ended, so that its number is free again."""
        if self._pid is not None:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)


def _for_us_alone(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
