"""Handing the process over to the MCP server."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import NoReturn

from penstock.cli.options import Place
from penstock.errors import NotPossible

SERVER = "penstock_mcp"


def become_server(place: Place, arguments: Sequence[str]) -> NoReturn:
    """Replace this process by the MCP server. Raises NotPossible when it is not installed."""
    if find_spec("fastmcp") is None or find_spec(SERVER) is None:
        raise NotPossible("the MCP server is not installed", hint="Install it: pip install 'penstock[mcp]'")
    os.execv(sys.executable, [sys.executable, "-m", SERVER, *place_arguments(place), *arguments])  # noqa: S606 - no shell is meant


def place_arguments(place: Place) -> tuple[str, ...]:
    """The place as the options that the server takes."""
    flags = [("--local", place.local), ("--cluster", place.cluster)]
    values = [("--kube-context", place.kube_context), ("--namespace", place.namespace)]
    chosen = [flag for flag, on in flags if on]
    for option, value in values:
        chosen += [option, value] if value is not None else []
    return tuple(chosen)
