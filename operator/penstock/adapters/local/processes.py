"""Processes of attempts: started at most once, found again after a restart, ended as a whole.

An attempt's process holds a lock on its log, taken before it is started and let go by the kernel at its end; its first
act is to write its process id. So with no more than two looks at the disk, whoever comes later knows for certain:

    locked                   it lives (or is about to)
    not locked, no pid       it was never started, and may be
    not locked, pid          it has ended
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

from penstock.adapters.local.layout import AttemptFiles

POLL_SECONDS = 0.02
"""How often the end of a process is looked for where the system cannot tell."""

# `$0` is the file for the pid. If it cannot be written, the program is not started.
_LAUNCH = 'echo $$ >"$0" && exec "$@"'


def lock_log(files: AttemptFiles) -> int | None:
    """An open, locked handle of the log, which is made where it is missing; None while the attempt's process lives."""
    files.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(files.log, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def lives(files: AttemptFiles) -> bool:
    """Whether the attempt's process lives."""
    handle = lock_log(files) if files.log.exists() else -1
    if handle is not None and handle >= 0:
        os.close(handle)
    return handle is None


def was_started(files: AttemptFiles) -> bool:
    """Whether the attempt's process has ever come to its first act."""
    return files.pid.exists()


def process_id(files: AttemptFiles) -> int | None:
    """The process id of the attempt; None until it is written."""
    try:
        text = files.pid.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return int(text) if text.endswith("\n") else None


def start_process(
    command: Sequence[str], document: bytes, files: AttemptFiles, log: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start an attempt's process in a session of its own; `log` is its locked log. Raises OSError."""
    files.work.mkdir(mode=0o700, exist_ok=True)
    given = _as_input(document, files)
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", _LAUNCH, str(files.pid), *command],
            stdin=given,
            stdout=log,
            stderr=log,
            env=dict(environment),
            cwd=files.work,
            start_new_session=True,
        )
    finally:
        os.close(given)


def _as_input(document: bytes, files: AttemptFiles) -> int:
    """A handle to read the document from. A nameless file, not a pipe: it is complete even if we are killed."""
    path = files.log.with_suffix(".input")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    path.unlink()
    with open(handle, "wb", closefd=False) as file:
        file.write(document)
    os.lseek(handle, 0, os.SEEK_SET)
    return handle


async def wait_until_ended(files: AttemptFiles, process: subprocess.Popen[bytes] | None) -> None:
    """Return once the attempt's process has ended; `process` where it is a child of ours, which is not collected."""
    pid = process.pid if process else None
    while pid is None and lives(files):
        pid = process_id(files)
        if pid is None:
            await asyncio.sleep(POLL_SECONDS)
    if pid is None:
        return
    watch = _watch(pid)
    if watch is None:
        while lives(files):  # noqa: ASYNC110  the kernel lets go of the lock; nothing here could set an event
            await asyncio.sleep(POLL_SECONDS)
        return
    try:
        # The number may be a stranger's by now, unless the lock is still held.
        if process is not None or lives(files):
            await _readable(watch)
    finally:
        os.close(watch)


def _watch(pid: int) -> int | None:
    """A handle that becomes readable when the process ends; None where there is no such thing, or no such process."""
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return None
    with suppress(OSError):
        return int(opener(pid))
    return None


async def _readable(handle: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(handle, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(handle)


def terminate(pid: int) -> None:
    """Ask a process to end; the harness passes it on to its program."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)


def kill_session(pid: int) -> None:
    """End every process of the session that began with `pid`."""
    for member in _all_processes():
        with suppress(ProcessLookupError, PermissionError):
            if os.getsid(member) == pid:
                os.kill(member, signal.SIGKILL)


def _all_processes() -> list[int]:
    with suppress(FileNotFoundError):
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    listing = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, check=False)
    return [int(word) for word in listing.stdout.split()]
