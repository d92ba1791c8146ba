"""Files of the person's own machine that a script call names: over stdio only.

Over HTTP the same names would mean the server's files, so they are refused there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values

from penstock.application.script_runs import MAX_SOURCE
from penstock.errors import InvalidInput, NotFound
from penstock.ports.access import Access
from penstock_mcp.calls import Callers

MAX_ENV_FILE = 262_144
_HINT = "Send the program as script_content, and secrets by reference: a Workflow's step names them in `secrets`."
_REFERENCE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}")


class ScriptFiles:
    """What a call's directory, script_path and env_file come to."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def place(self, access: Access, directory: str, script_path: str) -> tuple[str, str, str]:
        """The directory and file to run where step and caller share this machine, else the file's own text.

        Gives (directory, script_path, source). Raises InvalidInput over HTTP, NotFound for what is not there.
        """
        if not directory and not script_path:
            return "", "", ""
        self._require_own_machine("directory and script_path")
        folder = Path(directory).expanduser().resolve() if directory else Path.cwd()
        if not folder.is_dir():
            raise NotFound(f"there is no directory {folder}", hint="Check the path; it is of this machine.")
        file = (folder / script_path).resolve() if script_path else None
        if file is not None and not file.is_file():
            raise NotFound(f"there is no file {file}", hint="script_path is absolute, or relative to the directory.")
        if access.local:
            return str(folder), str(file) if file else "", ""
        if file is None:
            raise InvalidInput("a directory of this machine is not there in the cluster", hint="Leave it out.")
        if file.stat().st_size > MAX_SOURCE:
            raise InvalidInput(f"the file has more than {MAX_SOURCE:,} bytes", hint="Split it.")
        return "", "", file.read_text(encoding="utf-8")

    def environment(self, env_file: str, env_vars: Mapping[str, str]) -> dict[str, str]:
        """The variables of a step: those of the file, and over them those of the call."""
        if not env_file:
            return dict(env_vars)
        self._require_own_machine("env_file")
        file = Path(env_file).expanduser()
        if not file.is_file():
            raise NotFound(f"there is no file {file}", hint="env_file is a path of this machine.")
        if file.stat().st_size > MAX_ENV_FILE:
            raise InvalidInput(f"env_file has more than {MAX_ENV_FILE:,} bytes")
        return {**_expanded(dotenv_values(file, interpolate=False)), **env_vars}

    def _require_own_machine(self, what: str) -> None:
        if self._callers.identity() is not None:
            raise InvalidInput(f"{what} would mean files of the server here", hint=_HINT)


def _expanded(values: Mapping[str, str | None]) -> dict[str, str]:
    """The file's values; `${NAME}` stands for an earlier one of the same file, never for the server's own."""
    found: dict[str, str] = {}
    for name, value in values.items():
        if value is not None:
            found[name] = _REFERENCE.sub(lambda at: found.get(at["name"], at["default"] or ""), value)
    return found
