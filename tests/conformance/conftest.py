"""Our server, as a process, with and without what the suite asks for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The server's address, while it serves."""
    command = [sys.executable, "-m", "tests.conformance.server", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        try:
            assert address.startswith("http"), "the server did not start"
            yield address
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def asked_for_server() -> Iterator[str]:
    """With the suite's own tools, resources and prompts."""
    with serving("--asked-for") as address:
        yield address


@pytest.fixture(scope="session")
def tasks_server() -> Iterator[str]:
    """With the tools that the tasks scenarios ask for."""
    with serving("--tasks") as address:
        yield address


@pytest.fixture(scope="session")
def own_server() -> Iterator[str]:
    """As it is."""
    with serving() as address:
        yield address
