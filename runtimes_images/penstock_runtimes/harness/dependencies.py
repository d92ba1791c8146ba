"""Installs what a script depends on into an environment of the attempt's own, with uv.

Only imported when there is something to install. Downloads come from the package index that uv is configured for.
"""

from __future__ import annotations

import os
import sys

from .environment import OWN_PREFIXES
from .passthrough import last_lines
from .process import Command
from .protocol import DEPENDENCIES_FAILED, REASON_LIMIT, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from .environment import WorkFolder
    from .process import Ended

    Run = Callable[[Command], tuple[Ended, bytes]]

_INDEX_SETTINGS = ("UV_", "PIP_", "NETRC")
_MOST_LINES = 20
_UV = "PENSTOCK_UV"


class Requirements:
    """What the step and the script's own metadata (PEP 723) ask for."""

    __slots__ = ("packages", "python")

    def __init__(self, packages: list[str], python: str) -> None:
        self.packages = packages
        self.python = python


def requirements(declared: Iterable[str], source: str) -> Requirements:
    """Join the step's `dependencies` with the `# /// script` block of the source."""
    packages = list(declared)
    python = ""
    block = _inline_metadata(source)
    if block:
        import tomllib

        try:
            metadata = tomllib.loads(block)
        except tomllib.TOMLDecodeError as error:
            raise AttemptFailed(
                DEPENDENCIES_FAILED, f"the script's `# /// script` block is not TOML: {error}"
            ) from error
        inline = metadata.get("dependencies", [])
        python = metadata.get("requires-python", "")
        if not isinstance(python, str) or not isinstance(inline, list):
            raise AttemptFailed(
                DEPENDENCIES_FAILED, "in `# /// script`, dependencies must be a list and requires-python a string"
            )
        packages += inline
    for package in packages:
        # uv would take it for an option, such as another package index.
        if not isinstance(package, str) or not package.strip() or package.lstrip().startswith("-") or "\n" in package:
            raise AttemptFailed(DEPENDENCIES_FAILED, f"{package!r} is not a dependency; write, say, httpx==0.28.1")
    return Requirements(packages, python)


def install(
    wanted: Requirements, folder: WorkFolder, environment: Mapping[str, str], run: Run
) -> tuple[str, list[str]]:
    """Make an environment in the attempt's folder; its interpreter and the resolved versions.

    `run` runs a program to its end and returns the end of its standard error as well.
    """
    uv = environment.get(_UV) or "uv"
    place = os.path.join(folder.own, "python")
    python = os.path.join(place, "bin", "python")
    own = {name: value for name, value in environment.items() if name != _UV}
    own.setdefault("UV_CACHE_DIR", os.path.join(folder.own, "uv-cache"))
    # What an image or a laptop has is what is used; an interpreter is never downloaded behind the author's back.
    own["UV_PYTHON_DOWNLOADS"] = "never"
    steps = [[uv, "venv", "--quiet", "--clear", "--no-project", "--python", wanted.python or sys.executable, place]]
    if wanted.packages:
        steps.append([uv, "pip", "install", "--quiet", "--python", python, "--", *wanted.packages])
    for arguments in steps:
        ended, errors = run(Command(arguments, own, folder.path))
        if ended.exit_code != 0:
            reason = last_lines(errors, _MOST_LINES, REASON_LIMIT) or f"uv ended with {ended.exit_code}"
            raise AttemptFailed(DEPENDENCIES_FAILED, reason)
    return python, _installed(place)


def installer_environment(environment: Mapping[str, str], secrets: Iterable[str]) -> dict[str, str]:
    """The environment without the step's secrets and what the harness was told: no business of a package's build."""
    hidden = {name for name in secrets if not name.startswith(_INDEX_SETTINGS)}
    hidden |= {name for name in environment if name.startswith(OWN_PREFIXES) and name != _UV}
    return {name: value for name, value in environment.items() if name not in hidden}


def _inline_metadata(source: str) -> str:
    """The TOML text of the first `# /// script` block; empty without one."""
    if "# /// script" not in source:
        return ""
    lines = source.splitlines()
    try:
        start = next(index for index, line in enumerate(lines) if line.rstrip() == "# /// script") + 1
    except StopIteration:
        return ""
    block: list[str] = []
    for line in lines[start:]:
        if line.rstrip() == "# ///":
            return "\n".join(block)
        if line != "#" and not line.startswith("# "):
            return ""
        block.append(line[2:])
    return ""


def _installed(place: str) -> list[str]:
    """`name==version` of each installed package, from its metadata."""
    found: list[str] = []
    library = os.path.join(place, "lib")
    for version in os.listdir(library):
        packages = os.path.join(library, version, "site-packages")
        folders = [entry for entry in os.listdir(packages) if entry.endswith(".dist-info")]
        found += [_name_and_version(os.path.join(packages, entry, "METADATA")) for entry in folders]
    return sorted(filter(None, found), key=str.lower)


def _name_and_version(path: str) -> str:
    fields: dict[str, str] = {}
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if not line.strip():
                break
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), value.strip())
    return f"{fields.get('name', '')}=={fields.get('version', '')}" if "name" in fields else ""
