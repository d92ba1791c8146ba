"""Runs one expression, in this process or in one that may be killed. Imports little, for a worker starts with it."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

from penstock.adapters.cel.failures import Fault
from penstock.adapters.cel.library import load_cel
from penstock.adapters.cel.values import to_json


def end_at_once() -> None:
    """Let a worker end when it is told to, instead of when Python next looks.

    pebble handles SIGTERM in Python, which has no say while the library works: each deadline would be three seconds
    late, until SIGKILL.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def work(expression: str, variables: Mapping[str, Any]) -> tuple[Any, Fault | None]:
    """The value of an expression as JSON, or what went wrong. Never raises for what the expression does."""
    try:
        result = load_cel().compile(expression).execute(dict(variables))
        return to_json(result), None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001  # a panic of the library is no Exception, and must not end the operator
        return None, Fault(type(error).__name__, str(error))
