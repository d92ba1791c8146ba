"""Somebody at a machine of his own: starts the real command, reads what it says, types, kills it."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

SECONDS = 30.0
"""How long anything may take before a test gives up."""
ROOT = Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"


@dataclass
class Person:
    """One person with a data directory of his own and no cluster."""

    home: Path
    started: list[int] = field(default_factory=list)
    sessions: list[Terminal] = field(default_factory=list)
    more: dict[str, str] = field(default_factory=dict)
    """What this person's environment holds besides."""

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.defpath,
            "HOME": str(self.home),
            "PENSTOCK_HOME": str(self.home / "data"),
            "LANG": "C.UTF-8",
            "TERM": "xterm",
            **self.more,
        }

    def penstock(self, *arguments: str, text: str = "", seconds: float = SECONDS) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, through pipes."""
        return subprocess.run(
            _command(arguments),
            env=self.environment,
            cwd=self.home,
            input=text,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command without a terminal."""
        process = subprocess.Popen(
            _command(arguments),
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process.pid)
        return process

    def at_terminal(self, *arguments: str) -> Terminal:
        """Start a command on a terminal."""
        pid, keyboard = pty.fork()
        if pid == 0:
            try:
                os.chdir(self.home)
                os.execve(sys.executable, _command(arguments), self.environment)
            finally:
                os._exit(127)
        self.started.append(pid)
        terminal = Terminal(pid, keyboard)
        self.sessions.append(terminal)
        return terminal

    def file(self, name: str, text: str) -> str:
        """Write a file; its path."""
        path = self.home / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def drivers(self) -> list[int]:
        """Process ids of everything that was left behind working on this person's data directory."""
        mark = f"PENSTOCK_HOME={self.home / 'data'}".encode()
        found = []
        for entry in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in entry.read_bytes().split(b"\0"):
                    found.append(int(entry.parent.name))
            except OSError:
                continue
        return found

    def close(self) -> None:
        """Leave nothing behind: runs first, so that their programs end with them."""
        for run in self.penstock("list", "-o", "table").stdout.splitlines()[1:]:
            if not any(phase in run for phase in ("Succeeded", "Failed", "Cancelled", "TimedOut")):
                self.penstock("cancel", run.split()[0])
                self.penstock("wait", run.split()[0])
        for terminal in self.sessions:
            terminal.close()
        for pid in self.drivers():
            _kill(pid)


@dataclass
class Terminal:
    """A command on a terminal, with the person in front of it."""

    pid: int
    keyboard: int
    screen: str = ""
    status: int | None = None

    def expect(self, text: str) -> str:
        """Everything on the screen since the last call, once `text` is among it."""
        deadline = time.monotonic() + SECONDS
        while text not in self.screen:
            if not self._read(deadline - time.monotonic()):
                raise AssertionError(f"{text!r} never came, but:\n{self.screen}")
        seen, self.screen = self.screen, ""
        return seen

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def exit_code(self) -> int:
        """How the command ended; what it said last is on the screen."""
        deadline = time.monotonic() + SECONDS
        while self._read(deadline - time.monotonic()):
            pass
        _, status = os.waitpid(self.pid, 0)
        self.status = status
        return os.waitstatus_to_exitcode(status)

    def close(self) -> None:
        if self.status is None:
            _kill(self.pid)
            os.waitpid(self.pid, 0)
        os.close(self.keyboard)

    def _read(self, seconds: float) -> bool:
        if not select.select([self.keyboard], [], [], max(0.0, seconds))[0]:
            return False
        try:
            data = os.read(self.keyboard, 65536)
        except OSError:
            # Linux says so when the last process on the terminal has closed it.
            return False
        self.screen += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)


def until(condition, what: str) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what)
        time.sleep(0.02)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "penstock.cli.main", *arguments]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
