"""Which scope a request needs. One table, read at the door and again at the call."""

from __future__ import annotations

from fastmcp.tools.base import Tool

from penstock.application.scopes import APPROVALS_DECIDE, RUNS_READ, RUNS_WRITE

DECIDING = frozenset({"approve_workflow", "reject_workflow"})
"""The tools that vote."""

_METHODS = {
    "tools/list": RUNS_READ,
    "resources/list": RUNS_READ,
    "resources/templates/list": RUNS_READ,
    "resources/read": RUNS_READ,
    "resources/subscribe": RUNS_READ,
    "completion/complete": RUNS_READ,
    "subscriptions/listen": RUNS_READ,
    "tasks/get": RUNS_READ,
    "tasks/update": RUNS_WRITE,
    "tasks/cancel": RUNS_WRITE,
}
CALL = "tools/call"


def scope_of_method(method: str) -> str | None:
    """The scope that a method needs, calls of tools aside; None for those that show and change nothing."""
    return _METHODS.get(method)


def scope_of_tool(name: str, tool: Tool | None) -> str:
    """The scope that a call needs. `tool` is one of the server's own, or None: Workflows and what nobody knows.

    What a Workflow's author says of it (that it only reads) is believed by nobody.
    """
    if name in DECIDING:
        return APPROVALS_DECIDE
    reads = tool is not None and tool.annotations is not None and tool.annotations.read_only_hint
    return RUNS_READ if reads else RUNS_WRITE
