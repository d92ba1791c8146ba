"""Works out the expressions of a step's rules, within a time that all of them have together."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time

from .failure import CALL_FAILED, RULE_BROKEN, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType
    from typing import Any, Self

SECONDS = 10.0
"""What all rules of one statement may take together: the database holds locks meanwhile."""


class Judge:
    """A process that works out expressions; ended when this is closed."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._until = time.monotonic() + seconds
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", os.path.join(os.path.dirname(__file__), "cel_worker.py"), _extension()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # Nothing of the step's surroundings is its business.
            env={},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def value(self, expression: str, variables: Mapping[str, Any]) -> Any:
        """What an expression comes to. Raises CallFailed where it comes to nothing, or not in time."""
        answer = self._asked(json.dumps({"expression": expression, "variables": variables}))
        if "error" in answer:
            raise CallFailed(RULE_BROKEN, f"`{expression}` cannot be worked out: {answer['error']}")
        return answer["value"]

    def _asked(self, line: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A thread and not `select`, which does not know pipes everywhere.
        clock = threading.Timer(max(0.0, self._until - time.monotonic()), self._process.kill)
        clock.start()
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        except OSError:
            said = ""
        finally:
            clock.cancel()
        if said:
            answer: dict[str, Any] = json.loads(said)
            return answer
        if time.monotonic() >= self._until:
            return {"error": "the rules of the statement did not come to an end in time"}
        return {"error": "it takes more memory than a rule may have, or values in it are nested too deep"}


def _extension() -> str:
    package = importlib.util.find_spec("cel")
    places = package.submodule_search_locations if package is not None else None
    found = importlib.machinery.PathFinder.find_spec("cel.cel", list(places)) if places else None
    if found is None or found.origin is None:
        raise CallFailed(CALL_FAILED, "the CEL library is not installed here: pip install common-expression-language")
    return found.origin
