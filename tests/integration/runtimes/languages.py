"""The languages of the contract suite: the same program in each, and what this machine lacks to run some of them."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest

from penstock.settings import process_environment
from penstock_runtimes import harness_dir, runtime_names

_INTERPRETERS = {"bash": "bash", "go": "go", "javascript": "node", "powershell": "pwsh"}
_COLD_SECONDS = 600


def in_all(**programs: str) -> pytest.MarkDecorator:
    """The same program in every language whose interpreter is installed here."""
    assert set(programs) == set(runtime_names()), "a contract holds in every language"
    return in_some(**programs)


def in_some(**programs: str) -> pytest.MarkDecorator:
    """The same program in the languages in which it can be written."""
    cases = [pytest.param(name, source, id=name) for name, source in programs.items() if not missing(name)]
    return pytest.mark.parametrize(("runtime", "source"), cases)


def every_language() -> pytest.MarkDecorator:
    """A test for each language whose interpreter is installed here."""
    return pytest.mark.parametrize("runtime", [name for name in runtime_names() if not missing(name)])


def missing(runtime: str) -> str:
    """The interpreter that this machine lacks for a language; empty when it has it."""
    program = _INTERPRETERS.get(runtime, "")
    return "" if not program or shutil.which(program) else program


def interpreters_path() -> str:
    """A PATH with what the languages need, whichever way this machine has it installed."""
    found = [os.path.dirname(path) for path in map(shutil.which, _INTERPRETERS.values()) if path]
    return os.pathsep.join(dict.fromkeys([*os.defpath.strip(os.pathsep).split(os.pathsep), *found]))


@functools.cache
def go_cache() -> str:
    """This machine's own build cache, with what a Go step is made of in it: compiling that may take a minute."""
    done = subprocess.run(["go", "env", "GOCACHE"], capture_output=True, text=True, check=True)
    cache = done.stdout.strip()
    environment = {**process_environment(), "CGO_ENABLED": "0", "GOFLAGS": "", "GOCACHE": cache}
    command = ["go", "build", "-trimpath", "-o", os.devnull, "."]
    subprocess.run(
        command, cwd=harness_dir().parent / "go" / "penstock", env=environment, check=True, timeout=_COLD_SECONDS
    )
    return cache
