"""Which scope a request needs. One table, read at the door and again at the call."""

from __future__ import annotations

from fastmcp.tools.base import Tool

from penstock.application.scopes import APPROVALS_DECIDE, RUNS_READ, RUNS_WRITE
from penstock_mcp.execution import WorkflowTool

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
    """The scope that a call needs. A tool that is not known, or is an author's Workflow, needs the right to write.

    What a Workflow's author says of it (that it only reads) is believed by nobody.
    """
    if name in DECIDING:
        return APPROVALS_DECIDE
    if tool is None or isinstance(tool, WorkflowTool) or tool.annotations is None:
        return RUNS_WRITE
    return RUNS_READ if tool.annotations.read_only_hint else RUNS_WRITE
