"""Makes a script ready to run by its runtime's own `prepare.py`: installs what it depends on, builds what has to be.

A runtime's `prepare.py` is a module with

- `SETTINGS`: beginnings of the names of variables that it needs even where they hold a secret of the step;
- `prepare(preparation)`: what to fill into the runtime's `command`, such as `{"{python}": "/path"}`.

It imports nothing of the harness: all that it may use is the Preparation that it is given.
"""

from __future__ import annotations

import os
import sys

from .environment import OWN_PREFIXES
from .passthrough import Tail, last_lines
from .process import Command
from .protocol import DEPENDENCIES_FAILED, PREPARATION_LINES, PREPARATION_OUTPUT, REASON_LIMIT, AttemptFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn

    from .environment import WorkFolder
    from .input_document import InputDocument
    from .process import Ended, Reader
    from .runtimes import Runtime

    Run = Callable[[Command, Reader], tuple[Ended, bytes]]
    """Runs a program to its end; its standard output goes to the reader, the end of its standard error comes back."""


class Ran:
    """How a program of the preparation ended."""

    __slots__ = ("_program", "errors", "exit_code", "stdout")

    def __init__(self, program: str, ended: Ended, stdout: bytes, errors: bytes) -> None:
        self.exit_code = ended.exit_code
        self.stdout = stdout.decode("utf-8", "replace")
        self.errors = errors.decode("utf-8", "replace")
        self._program = program

    @property
    def reason(self) -> str:
        """The end of what it said on standard error; never empty."""
        ending = f"{os.path.basename(self._program)} ended with exit code {self.exit_code}"
        return last_lines(self.errors.encode(), PREPARATION_LINES, REASON_LIMIT) or ending


class Preparation:
    """What a runtime's `prepare.py` is given."""

    def __init__(
        self, document: InputDocument, runtime: Runtime, folder: WorkFolder, settings: Mapping[str, str], run: Run
    ) -> None:
        self.source = document.source
        self.script = runtime.script_name
        self.dependencies = document.dependencies
        self.runtime = runtime.folder
        self.environment: dict[str, str] = {}
        """The harness's without the step's secrets and its own settings."""
        self.settings = settings
        """The harness's own, such as PENSTOCK_UV."""
        self.work = folder.path
        self.own = folder.own
        """A folder for what belongs to no script."""
        self.installed: list[str] = []
        """What the script's dependencies came out as, for the result record."""
        self._example = runtime.dependency
        self._run = run

    def check(self, dependencies: Iterable[object]) -> None:
        """Refuse what an installer would take for an option, such as another package index."""
        for name in dependencies:
            if not isinstance(name, str) or not name.strip() or name.lstrip().startswith("-") or "\n" in name:
                self.fail(DEPENDENCIES_FAILED, f"{name!r} is not a dependency; write, say, {self._example}")

    def run(self, arguments: list[str], environment: Mapping[str, str], folder: str = "") -> Ran:
        """Run a program to its end. What it says on standard error is in the log as well."""
        stdout = _Captured()
        ended, errors = self._run(Command(arguments, environment, folder or self.work), stdout)
        return Ran(arguments[0], ended, stdout.value(), errors)

    def fail(self, code: str, reason: str) -> NoReturn:
        """End the attempt."""
        raise AttemptFailed(code, reason)


class _Captured(Tail):
    """Keeps the end of a stream and passes nothing on."""

    def __init__(self) -> None:
        super().__init__(PREPARATION_OUTPUT)

    feed = Tail.add

    def close(self) -> None:
        """Nothing is left to do."""


def prepare(
    document: InputDocument, runtime: Runtime, folder: WorkFolder, settings: Mapping[str, str], run: Run
) -> tuple[dict[str, str], list[str]]:
    """What to fill into the runtime's command, and the dependencies as they came out. Runs the runtime's module."""
    sys.path.insert(0, runtime.folder)
    module = __import__(runtime.preparer)
    del sys.path[0], sys.modules[runtime.preparer]
    preparation = Preparation(document, runtime, folder, settings, run)
    preparation.environment = _without_secrets(settings, document.secret_env, module.SETTINGS)
    preparation.check(document.dependencies)
    return module.prepare(preparation), preparation.installed


def _without_secrets(settings: Mapping[str, str], secrets: Iterable[str], needed: tuple[str, ...]) -> dict[str, str]:
    """The environment without the step's secrets and what the harness was told: no business of a package's build."""
    hidden = {name for name in secrets if not name.startswith(needed)}
    hidden |= {name for name in settings if name.startswith(OWN_PREFIXES)}
    return {name: value for name, value in settings.items() if name not in hidden}
