"""Secrets of local mode: files of the person at this machine, one `NAME.env` for each Secret."""

from __future__ import annotations

import logging
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.secrets import SecretUse, uses_of_all
from penstock.engine.failures import FailureCode
from penstock.engine.secret_references import FOLDER_VARIABLE, VARIABLE_PREFIX, secret_variables
from penstock.errors import InvalidInput, NotFound
from penstock.ports.engine import Revisions

log = logging.getLogger(__name__)


class SecretMissing(InvalidInput):
    """A Secret, or a key of one, is not there."""

    code = FailureCode.SECRET_MISSING


class SecretFolder:
    """A folder with Secrets. Values are read when a step starts, and this process keeps none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._warned: set[Path] = set()

    def check(self, uses: Sequence[SecretUse]) -> None:
        """Raises SecretMissing for everything that is missing of what steps refer to, with how to make it."""
        wanted: dict[str, dict[str, None]] = {}
        for use in uses:
            if not use.optional:
                keys = wanted.setdefault(use.name, {})
                keys.update({use.key: None} if use.key is not None else {})
        missing = []
        for name, keys in wanted.items():
            try:
                self._values(name, tuple(keys))
            except SecretMissing as error:
                missing.append(error)
        if missing:
            fixes = "; ".join(dict.fromkeys(error.hint for error in missing if error.hint))
            raise SecretMissing("; ".join(map(str, missing)), hint=fixes)

    def variables(self, program: Mapping[str, Any]) -> dict[str, str]:
        """The environment variables that the program's Secrets give to what runs it. Raises SecretMissing."""
        found = {}
        for source in program.get("envFrom", ()):
            values = self._optional(source["secretRef"], ())
            found.update({f"{VARIABLE_PREFIX}{source.get('prefix', '')}{key}": text for key, text in values.items()})
        for name, reference in secret_variables(program):
            values = self._optional(reference, (reference["key"],))
            if reference["key"] in values:
                found[name] = values[reference["key"]]
        return found

    def write_files(self, program: Mapping[str, Any], folder: Path) -> dict[str, str]:
        """Write the program's Secrets as NAME/KEY below `folder`; the variable that names it. Raises SecretMissing."""
        names = program.get("secrets", ())
        if not names:
            return {}
        contents = {folder / name / key: text for name in names for key, text in self._values(name, ()).items()}
        for file, text in contents.items():
            # For whoever a container runs as; nobody else comes this far, for a folder above is the person's own.
            file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            file.unlink(missing_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
            file.chmod(0o444)
        return {FOLDER_VARIABLE: str(folder)}

    def _optional(self, reference: Mapping[str, Any], keys: Sequence[str]) -> Mapping[str, str]:
        try:
            return self._values(reference["name"], keys)
        except SecretMissing:
            if reference.get("optional"):
                return {}
            raise

    def _values(self, name: str, keys: Sequence[str]) -> Mapping[str, str]:
        """The values of a Secret, which has at least these keys."""
        from dotenv import dotenv_values

        file = self._path / f"{name}.env"
        try:
            with file.open(encoding="utf-8", newline="") as stream:
                self._warn(file)
                values = dotenv_values(stream=stream, interpolate=False)
        except FileNotFoundError as error:
            raise SecretMissing(f"Secret {name} is missing: there is no file {file}", hint=_make(file, keys)) from error
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SecretMissing(f"Secret {name} cannot be read from {file}: {reason}") from error
        known = {key: value for key, value in values.items() if value is not None}
        if absent := [key for key in keys if key not in known]:
            lines = " and ".join(f"{key}=…" for key in absent)
            raise SecretMissing(f"Secret {name} has no key {', '.join(absent)}", hint=f"Add {lines} to {file}")
        return known

    def _warn(self, file: Path) -> None:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & (stat.S_IRWXG | stat.S_IRWXO) and file not in self._warned:
            self._warned.add(file)
            log.warning("others on this machine can read %s: chmod 600 %s", file, file)


class SecretCheck:
    """Looks whether a run's steps will find the Secrets that they use."""

    def __init__(self, folder: SecretFolder, revisions: Revisions) -> None:
        self._folder = folder
        self._revisions = revisions

    async def __call__(self, run: WorkflowRun) -> None:
        """Raises SecretMissing with everything that is not there."""
        try:
            spec = (await self._revisions.content(run)).spec
        except NotFound:
            return  # the run itself will say so
        self._folder.check(uses_of_all((*spec.steps, *spec.finally_)))


def _make(file: Path, keys: Sequence[str]) -> str:
    """The command that makes the file, with words to fill in."""
    lines = " ".join(f"'{key}=…'" for key in keys or ("KEY",))
    return f"Make it: (umask 077; mkdir -p {file.parent}; printf '%s\\n' {lines} > {file})"
