"""Installs what a Python script depends on into an environment of the attempt's own, with uv.

Downloads come from the package index that uv is configured for.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from penstock_runtimes.harness.preparation import Preparation

SETTINGS = ("UV_", "PIP_", "NETRC")

_FAILED = "DEPENDENCIES_FAILED"
_MARK = "# /// script"


def prepare(preparation: Preparation) -> dict[str, str]:
    """Make an environment in the attempt's folder; its interpreter, unless nothing is asked for."""
    packages, python = _wanted(preparation)
    if not packages and not python:
        return {}
    uv = preparation.settings.get("PENSTOCK_UV") or "uv"
    place = os.path.join(preparation.own, "python")
    interpreter = os.path.join(place, "bin", "python")
    environment = dict(preparation.environment)
    environment.setdefault("UV_CACHE_DIR", os.path.join(preparation.own, "uv-cache"))
    # What an image or a laptop has is what is used; an interpreter is never downloaded behind the author's back.
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    steps = [[uv, "venv", "--quiet", "--clear", "--no-project", "--python", python or sys.executable, place]]
    if packages:
        steps.append([uv, "pip", "install", "--quiet", "--python", interpreter, "--", *packages])
    for arguments in steps:
        ran = preparation.run(arguments, environment)
        if ran.exit_code != 0:
            preparation.fail(_FAILED, ran.reason)
    preparation.installed += _installed(place)
    return {"{python}": interpreter}


def _wanted(preparation: Preparation) -> tuple[list[str], str]:
    """Packages and the interpreter's version: the step's `dependencies` and the script's own metadata (PEP 723)."""
    packages, python = list(preparation.dependencies), ""
    block = _inline_metadata(preparation.source)
    if block:
        import tomllib

        try:
            metadata = tomllib.loads(block)
        except tomllib.TOMLDecodeError as error:
            preparation.fail(_FAILED, f"the script's `{_MARK}` block is not TOML: {error}")
        inline = metadata.get("dependencies", [])
        python = metadata.get("requires-python", "")
        if not isinstance(python, str) or not isinstance(inline, list):
            preparation.fail(_FAILED, f"in `{_MARK}`, dependencies must be a list and requires-python a string")
        preparation.check(inline)
        packages += inline
    return packages, python


def _inline_metadata(source: str) -> str:
    """The TOML text of the first `# /// script` block; empty without one."""
    if _MARK not in source:
        return ""
    lines = source.splitlines()
    try:
        start = next(index for index, line in enumerate(lines) if line.rstrip() == _MARK) + 1
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
