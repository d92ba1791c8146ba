"""Starts the program in a process group of its own, relays what it prints, stops it, measures it.

The one place with signals, timers and `fork`. A program is stopped by SIGTERM to its group and, after the grace
time, SIGKILL; whatever it leaves behind in its group is killed at its end.
"""

from __future__ import annotations

import errno
import os
import select
import sys
import time

from .protocol import CANCELLED, DRAIN_SECONDS, POLL_SECONDS, RUNTIME_MISSING, TIMED_OUT, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from typing import NoReturn, Protocol

    class Reader(Protocol):
        """Takes what a program prints."""

        def feed(self, data: bytes) -> None:
            """Take what was read."""

        def close(self) -> None:
            """The stream has ended."""
else:
    # `signal` turns its constants into enums, which costs 4 ms of every start; this is the module below it.
    import _signal as signal

_CANCEL_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_HANDLED = (*_CANCEL_SIGNALS, signal.SIGALRM, signal.SIGCHLD)
_CHUNK = 64 * 1024
_HIGHEST_HANDLE = 1024
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class InChild(BaseException):
    """Raised in a forked child that is to run its program inside this interpreter: unwind and do so.

    Not an `Exception`, so that no handler of the harness's own failures takes it for one.
    """


class Command:
    """What to start: its arguments (None: go on in a fork of this interpreter), environment and folder."""

    __slots__ = ("arguments", "environment", "folder")

    def __init__(self, arguments: Sequence[str] | None, environment: Mapping[str, str], folder: str) -> None:
        self.arguments = arguments
        self.environment = environment
        self.folder = folder


class Ended:
    """How a program ended and what it used."""

    __slots__ = ("cpu_seconds", "exit_code", "peak_rss_bytes", "signal_number", "wall_seconds")

    def __init__(self) -> None:
        self.exit_code: int | None = None
        self.signal_number: int | None = None
        self.wall_seconds = 0.0
        self.cpu_seconds = 0.0
        self.peak_rss_bytes = 0


class Supervisor:
    """Runs the attempt's programs one after the other under one timeout."""

    def __init__(self, grace_seconds: float) -> None:
        self._grace_seconds = grace_seconds
        self._group: int | None = None
        self._stop_code: str | None = None
        self._cancelled = False
        self._wakeup_read, wakeup_write = os.pipe()
        os.set_blocking(self._wakeup_read, False)
        os.set_blocking(wakeup_write, False)
        signal.set_wakeup_fd(wakeup_write)
        # Handlers act at once instead of leaving it to the loop below, which may be stuck writing to a slow reader.
        for number in _CANCEL_SIGNALS:
            signal.signal(number, lambda *_: self._stop(CANCELLED))
        signal.signal(signal.SIGALRM, lambda *_: self._stop(TIMED_OUT))
        signal.signal(signal.SIGCHLD, lambda *_: None)

    @property
    def stop_code(self) -> str | None:
        """TIMED_OUT or CANCELLED once the attempt is being stopped."""
        return self._stop_code

    def set_timeout(self, seconds: float | None) -> None:
        """Stop the attempt after so many seconds from now."""
        if seconds is not None and self._stop_code is None:
            signal.setitimer(signal.ITIMER_REAL, seconds)

    @property
    def cancelled(self) -> bool:
        """The attempt was asked to stop."""
        return self._cancelled

    def begin_anew(self, seconds: float | None) -> None:
        """A further program, with a timeout of its own: what ran before it has ended, also if its time was over."""
        self.settle()
        self._stop_code = CANCELLED if self._cancelled else None
        self.set_timeout(seconds)

    def run(self, command: Command, stdout: Reader, stderr: Reader, tick: Callable[[], None]) -> Ended:
        """Run the program to its end; `tick` is called a few times a second meanwhile.

        `AttemptFailed` when it cannot be started, `InChild` in a child that shares this interpreter.
        """
        ended = Ended()
        if self._stop_code is not None:
            return ended
        started = time.monotonic()
        streams = self._start(command)
        if self.stop_code is not None:  # the signal came before there was a group to pass it to
            self._kill(signal.SIGTERM)
        try:
            self._relay({streams[0]: stdout, streams[1]: stderr}, ended, tick)
        except Exception:
            self._kill(signal.SIGKILL)
            raise
        ended.wall_seconds = time.monotonic() - started
        for reader in (stdout, stderr):
            reader.close()
        return ended

    def settle(self) -> None:
        """No program runs any more: nothing is left to stop."""
        signal.setitimer(signal.ITIMER_REAL, 0)

    def _stop(self, code: str) -> None:
        self._cancelled = self._cancelled or code == CANCELLED
        if self._stop_code is None:
            self._stop_code = code
            self._kill(signal.SIGTERM)
            # A grace time of zero would switch the timer off.
            signal.setitimer(signal.ITIMER_REAL, max(self._grace_seconds, 0.001))
        elif code == TIMED_OUT:  # the timer again: the grace time is over
            self._kill(signal.SIGKILL)

    def _kill(self, number: int) -> None:
        if self._group is not None:
            try:
                os.killpg(self._group, number)
            except ProcessLookupError:
                pass  # the whole group is gone already
            except PermissionError:
                pass  # macOS says so of a group in which only zombies are left

    def _start(self, command: Command) -> tuple[int, int]:
        stdout_read, stdout_write = os.pipe()
        stderr_read, stderr_write = os.pipe()
        # exec closes this pipe; what arrives before is the reason why there was no exec.
        failure_read, failure_write = os.pipe()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            _become_child(stdout_write, stderr_write, failure_write)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            if command.arguments is None:
                os.close(failure_write)
                os.chdir(command.folder)
                raise InChild
            _execute(command, failure_write)
        try:
            os.setpgid(pid, pid)  # here too: whoever is first, the group exists before anything is sent to it
        except OSError:
            pass  # the child has done it and is past exec
        self._group = pid
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for handle in (stdout_write, stderr_write, failure_write):
            os.close(handle)
        failure = os.read(failure_read, 16)
        os.close(failure_read)
        if failure:
            os.waitpid(pid, 0)
            self._group = None
            assert command.arguments is not None
            raise AttemptFailed(RUNTIME_MISSING, _why_not_started(command.arguments[0], int(failure)))
        return stdout_read, stderr_read

    def _relay(self, streams: dict[int, Reader], ended: Ended, tick: Callable[[], None]) -> None:
        poll = select.poll()
        for handle in (self._wakeup_read, *streams):
            poll.register(handle, select.POLLIN)
        next_tick = time.monotonic() + POLL_SECONDS
        give_up = float("inf")
        while streams or self._group is not None:
            now = time.monotonic()
            if now >= give_up:
                break
            if now >= next_tick:
                tick()
                next_tick = now + POLL_SECONDS
            for handle, _ in poll.poll(POLL_SECONDS * 1000):
                if handle != self._wakeup_read:
                    _pass_on(handle, streams, poll)
                elif self._has_ended(ended):
                    give_up = time.monotonic() + DRAIN_SECONDS
        for handle in streams:
            os.close(handle)

    def _has_ended(self, ended: Ended) -> bool:
        """Collect what has ended: the program, and as process 1 also what it orphaned."""
        try:
            while os.read(self._wakeup_read, 512):
                pass
        except BlockingIOError:
            pass  # emptied
        group = self._group
        while self._group is not None:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == 0:
                break
            ended.cpu_seconds += usage.ru_utime + usage.ru_stime
            ended.peak_rss_bytes = max(ended.peak_rss_bytes, usage.ru_maxrss * _RSS_UNIT)
            if pid == self._group:
                # Its number stays taken while members of its group live, so this cannot hit a stranger.
                self._kill(signal.SIGKILL)
                self._group = None
                code = os.waitstatus_to_exitcode(status)
                ended.exit_code, ended.signal_number = (code, None) if code >= 0 else (None, -code)
        return group is not None and self._group is None


def signal_name(number: int) -> str:
    """SIGKILL for 9."""
    for name in dir(signal):
        if name.startswith("SIG") and not name.startswith("SIG_") and getattr(signal, name) == number:
            return name
    return f"SIG{number}"


def _pass_on(handle: int, streams: dict[int, Reader], poll: select.poll) -> None:
    data = os.read(handle, _CHUNK)
    if data:
        streams[handle].feed(data)
        return
    poll.unregister(handle)
    del streams[handle]
    os.close(handle)


def _become_child(stdout: int, stderr: int, keep: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in _HANDLED:
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (stdout, 1), (stderr, 2)):
        os.dup2(source, target)
    os.closerange(3, keep)
    os.closerange(keep + 1, _HIGHEST_HANDLE)


def _execute(command: Command, failure: int) -> NoReturn:
    # Python ignores these two; a program started with them ignored never ends in `yes | head`.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    reason = 0
    try:
        os.chdir(command.folder)
        assert command.arguments is not None
        os.execvpe(command.arguments[0], list(command.arguments), dict(command.environment))
    except OSError as error:
        reason = error.errno or 0
    finally:
        os.write(failure, str(reason).encode())
        os._exit(127)


def _why_not_started(program: str, number: int) -> str:
    if number == errno.ENOENT:
        return f"{program} is not installed here, or not on PATH"
    if number == errno.E2BIG:
        return f"{program} cannot be started: the environment is too large. Pass large data through files."
    return f"{program} cannot be started: {os.strerror(number)}"
