"""Where the harness and the runtimes are, for local mode and for image builds.

The folders beside this file are what an image holds; README.md in the folder above is the contract. This package
describes and locates them and imports nothing of the rest of Penstock.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_DESCRIPTION = "runtime.json"


@dataclass(frozen=True, slots=True)
class Runtime:
    """A way to run a step's program, as its `runtime.json` describes it."""

    name: str
    """What a Workflow's `runtime` says."""
    title: str
    description: str
    image: str
    """The last part of the image's repository, without registry and tag."""
    folder: Path
    """Holds `runtime.json`, the prelude and the Dockerfile."""
    script: str
    """The file name under which the script's own messages name it."""
    interpreter: str
    """The program that runs it: a name, `{python}` for the harness's own, `{program}` for what is compiled first."""
    install: str
    """What to install where it is missing, and where that is to be had."""
    takes_dependencies: bool
    """Whether a step may list `dependencies`."""
    on_disk: bool
    """Whether all its steps need a work folder on disk in a pod: one that executes what they put there."""

    @property
    def dockerfile(self) -> Path:
        """Builds the image; its context is the folder `runtimes_images`, or what the file's first lines say."""
        return self.folder / "Dockerfile"


CALLS = ("llm", "steps")
"""The runtimes that no script is written for: they make the calls of `llm` steps and of all others."""


def runtime_names() -> tuple[str, ...]:
    """The languages that come with this installation, sorted."""
    return tuple(sorted(path.parent.name for path in _HERE.glob(f"*/{_DESCRIPTION}") if path.parent.name not in CALLS))


def all_runtimes() -> tuple[str, ...]:
    """The same, and the runtimes that make calls."""
    return (*runtime_names(), *CALLS)


def load_runtime(name: str) -> Runtime:
    """The runtime of this name. Raises `KeyError` with the known names when there is none."""
    if name not in all_runtimes():
        raise KeyError(f"there is no runtime {name!r}; there is: {', '.join(runtime_names())}")
    folder = _HERE / name
    fields = json.loads((folder / _DESCRIPTION).read_text(encoding="utf-8"))
    return Runtime(
        name=fields["name"],
        title=fields["title"],
        description=fields["description"],
        image=fields["image"],
        folder=folder,
        script=fields["script"],
        interpreter=fields["command"][0],
        install=fields["install"],
        takes_dependencies=fields.get("dependencies") is not None,
        on_disk=fields.get("builds", False),
    )


def harness_dir() -> Path:
    """The harness: `python3 -I -S <harness_dir>` runs one attempt."""
    return _HERE / "harness"


def harness_command(python: str | None = None) -> tuple[str, ...]:
    """The quickest way to start the harness with this interpreter (default: the one that asks).

    It names the entry file, which spares the interpreter the search for it: 4 ms of each step.
    """
    return (python or sys.executable, "-I", "-S", str(harness_dir() / "__main__.py"))
