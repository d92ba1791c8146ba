"""Looks at what local mode needs on this machine. Changes nothing but makes the data directory where there is none."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from penstock.adapters.local.database import Database
from penstock.adapters.local.layout import DataDirectory
from penstock.adapters.local.process_runner import CONTAINER_TOOLS
from penstock.application.diagnosis import Finding, fail, ok, warn
from penstock.errors import PenstockError
from penstock_runtimes import Runtime, load_runtime, runtime_names

_INSTEAD = {"{python}": "uv", "{program}": ""}
"""What has to be installed where the harness's own Python or a compiled program runs: uv, the compiler."""


def findings(directory: DataDirectory, environment: Mapping[str, str], beside: Path) -> Iterator[Finding]:
    """One after another. `beside`: the folder of this interpreter, where uv came with Penstock."""
    path = environment.get("PATH")
    yield ok("python", f"Python {platform.python_version()} runs Penstock and its harness.")
    for name in runtime_names():
        yield _runtime(load_runtime(name), path, beside)
    yield _containers(path)
    yield _database(directory)


def _runtime(runtime: Runtime, path: str | None, beside: Path) -> Finding:
    what = f"runtime {runtime.name}"
    program = _INSTEAD.get(runtime.interpreter, runtime.interpreter) or runtime.name
    found = shutil.which(program, path=f"{beside}") or shutil.which(program, path=path)
    if found is None:
        which = f"{runtime.title} with `dependencies`" if program == "uv" else runtime.title
        text = f"{program} is not installed: steps in {which} cannot run here."
        return warn(what, text, f"Install {runtime.install}")
    return ok(what, f"{found} for steps in {runtime.title}.")


def _containers(path: str | None) -> Finding:
    found = next((one for one in CONTAINER_TOOLS if shutil.which(one, path=path)), None)
    if found is None:
        text = f"Neither {' nor '.join(CONTAINER_TOOLS)} is installed: `container` steps cannot run here."
        return warn("containers", text, "Install one of them, if your Workflows have such steps.")
    return ok("containers", f"{found} runs `container` steps.")


def _database(directory: DataDirectory) -> Finding:
    place = directory.database
    try:
        directory.create()
        database = Database(place)
        try:
            with database.transaction():
                pass
        finally:
            database.close()
    except (PenstockError, OSError) as error:
        return fail("database", f"{place} cannot be used: {error}", "Set PENSTOCK_HOME to a directory of your own.")
    return ok("database", f"{place} can be written to.")
