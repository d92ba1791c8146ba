"""Running other programs and saying what goes on: progress to standard error, failures as one readable error."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path


class ClusterError(Exception):
    """Something that the caller can understand and act on; printed without a traceback."""


def say(text: str) -> None:
    """Tell the person; standard output stays free for `export KUBECONFIG=...`."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(text: str) -> Iterator[None]:
    """Announce work that can take more than two seconds, and how long it took."""
    say(f"{text} ...")
    began = time.monotonic()
    yield
    say(f"  done in {time.monotonic() - began:.1f} s")


def run(
    argv: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 900,
) -> str:
    """Run a program to its end and return its standard output.

    Raises ClusterError with the command and the last lines of what it said, when it fails, is missing or takes
    longer than `timeout` seconds.
    """
    words = [str(word) for word in argv]
    shown = shlex.join(words)
    try:
        done = subprocess.run(
            words, cwd=cwd, env=env, input=stdin, capture_output=True, text=True, timeout=timeout, check=False
        )
    except FileNotFoundError as error:
        raise ClusterError(f"{words[0]} is not installed (needed for: {shown})") from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(f"took longer than {timeout:.0f} s: {shown}") from error
    if done.returncode != 0:
        said = "\n".join([*done.stdout.strip().splitlines()[-20:], *done.stderr.strip().splitlines()[-30:]])
        raise ClusterError(f"failed with exit code {done.returncode}: {shown}\n{said}")
    return done.stdout


def succeeds(argv: Sequence[str | Path], *, timeout: float = 20) -> bool:
    """Whether a program runs and exits with 0 within `timeout` seconds; what it prints is dropped."""
    try:
        done = subprocess.run([str(word) for word in argv], capture_output=True, timeout=timeout, check=False)
    except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str, interval: float = 0.05) -> None:
    """Poll `condition` until it holds; ClusterError naming `what` after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ClusterError(f"{what}: not within {seconds:.0f} s")
        time.sleep(interval)
