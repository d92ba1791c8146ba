"""Calls to Connections: requests to APIs and statements in databases, within bounds.

What comes here was checked by the engine; what comes back from outside is checked here. Imports no part of Penstock.
"""

from __future__ import annotations

from .failure import CALL_REFUSED, CallFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["CallFailed", "perform"]


def perform(program: Mapping[str, Any], secret: str | None, key: str) -> Any:
    """What the program's call comes to. Raises CallFailed.

    `secret` is the value that the Connection's `auth` names, None where it has none; `key` is the attempt's own.
    """
    call, connection = program["call"], program["connection"]
    if "refused" in call:
        raise CallFailed(CALL_REFUSED, call["refused"])
    if call["kind"] == "http":
        from . import requests

        return requests.perform(call, connection, secret, key)
    if call["kind"] == "sql":
        from . import statements

        return statements.perform(call, connection, secret)
    if call["kind"] == "discover":
        from . import discovery

        return discovery.perform(connection, secret)
    if call["kind"] == "llm":
        from . import llm

        return llm.answer(call, connection, secret, lambda line: print(line, flush=True))
    raise CallFailed("CALL_REFUSED", f"nothing here makes calls of the kind {call['kind']!r}")
