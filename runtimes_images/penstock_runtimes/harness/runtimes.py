"""Finds a runtime beside the harness and says how its program is started."""

from __future__ import annotations

import os
import sys

from . import lean_json
from .process import Command
from .protocol import INPUT_INVALID, RUNTIME_MISSING, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from .environment import WorkFolder
    from .input_document import InputDocument

RUNTIMES_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
"""Where the harness and the runtimes stand side by side."""


class Runtime:
    """One language's folder: `runtime.json` and the prelude."""

    def __init__(self, name: str) -> None:
        self.folder = os.path.join(RUNTIMES_FOLDER, name)
        try:
            with open(os.path.join(self.folder, "runtime.json"), "rb", buffering=0) as file:
                description = lean_json.loads(file.read().decode())
        except FileNotFoundError as error:
            raise AttemptFailed(
                RUNTIME_MISSING, f"there is no runtime `{name}` here; name one that this image carries"
            ) from error
        self.name = name
        self.script_name: str = description["script"]
        self.prelude = os.path.join(self.folder, description["prelude"])
        self.dependency: str | None = description.get("dependencies")
        self.preparer = os.path.splitext(description.get("prepare", ""))[0]
        self.install: str = description["install"]
        self._crashes: list[str] = description.get("crashes", [])
        self._builds = description.get("builds") is True
        self._metadata: str | None = description.get("metadata")
        self._arguments: list[str] = description["command"]
        # Forking keeps what is loaded and saves the start of a second interpreter. On macOS system libraries
        # break in a fork that goes on without exec.
        self._shares_interpreter = description.get("embedded") is True and sys.platform == "linux"

    def prepares(self, document: InputDocument) -> bool:
        """Whether something has to be installed or built before the script can run."""
        if document.dependencies and self.dependency is None:
            raise AttemptFailed(INPUT_INVALID, f"the runtime {self.name} takes no `dependencies`")
        metadata = self._metadata is not None and self._metadata in document.source
        return self._builds or metadata or bool(document.dependencies)

    def crash(self, errors: bytes) -> str:
        """The crash that standard error ends with and the script's line in it, on one line; empty without one.

        For languages whose programs are not run by a prelude that could see how they end.
        """
        if not self._crashes:
            return ""
        from .crashes import last_crash

        return last_crash(errors, self._crashes, self.script_name)

    def command(self, folder: WorkFolder, environment: Mapping[str, str], prepared: Mapping[str, str]) -> Command:
        """How to run the script; `prepared` is what its preparation says to fill in."""
        if self._shares_interpreter and not prepared:
            return Command(None, environment, folder.path)
        places = {"{python}": sys.executable, "{prelude}": self.prelude, "{script}": self.script_name, **prepared}
        return Command([places.get(argument, argument) for argument in self._arguments], environment, folder.path)

    def write_script(self, folder: WorkFolder, source: str) -> None:
        """Put the script where its language's messages will name it."""
        try:
            folder.write(os.path.join(folder.path, self.script_name), source)
        except UnicodeEncodeError as error:
            raise AttemptFailed(INPUT_INVALID, "the script holds half of a surrogate pair") from error
