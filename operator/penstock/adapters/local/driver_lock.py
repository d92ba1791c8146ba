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
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let go of the lock."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


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
        lock.release()
        handle = os.open(self._directory.driver_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd=self._directory.root,
                start_new_session=True,
            )
        finally:
            os.close(handle)
        self._pid = process.pid
        # It outlives us on purpose; without a return code, Popen complains that it was forgotten.
        process.returncode = 0

    def _collect(self) -> None:
        """Collect an earlier driver that has ended, so that its number is free again."""
        if self._pid is not None:
            with suppress(ChildProcessError):
                os.waitpid(self._pid, os.WNOHANG)
