"""Runs one expression, in this process or in one that may be killed. Imports little, for a worker starts with it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from penstock.adapters.cel.failures import Fault
from penstock.adapters.cel.library import load_cel
from penstock.adapters.cel.ordering import KEYS, sorted_keys, without_chance
from penstock.adapters.cel.values import heavier, to_json

MEMORY = 256 * 1024 * 1024
"""Bytes that a worker may take: less than would bring the process that it works for, or the machine, into need."""
MAX_RESULT = 8 * 1024 * 1024
"""Characters and entries of what an expression comes to: what a list of items may have."""


def begin() -> None:
    """Make this process one that may be ended, and that ends itself before it takes much memory."""
    # pebble handles SIGTERM in Python, which has no say while the library works: each deadline would be three seconds
    # late, until SIGKILL.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        import resource

        # Should the memory of all run short even so, the kernel is to take this process and not the one it works for.
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # What the library prints when it runs out of memory says nothing to anybody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def work(expression: str, variables: Mapping[str, Any]) -> tuple[Any, Fault | None]:
    """The value of an expression as JSON, or what went wrong. Never raises for what the expression does."""
    try:
        result = to_json(_evaluated(without_chance(expression, variables), variables))
        if heavier(result, MAX_RESULT):
            return None, Fault("MemoryError", "")
        return result, None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # a panic of the library is no Exception, and must not end the operator
        return None, Fault(type(error).__name__, str(error))


def _evaluated(expression: str, variables: Mapping[str, Any]) -> Any:
    cel = load_cel()
    scope: Any = dict(variables)
    if KEYS in expression:
        scope = cel.Context(scope)
        scope.add_function(KEYS, sorted_keys)
    return cel.compile(expression).execute(scope)
