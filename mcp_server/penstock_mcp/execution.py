"""One call of an `execute_<workflow>` tool: check, create the run, and only then wait."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.application.outcomes import outcome
from penstock.application.submit_run import RunRequest, SubmitRun
from penstock.errors import InvalidInput, Problem
from penstock_mcp.calls import Callers, answered
from penstock_mcp.catalogue import DEFAULT_TIMEOUT, ToolCard
from penstock_mcp.following import Follower
from penstock_mcp.schemas import validator
from penstock_mcp.shapes import run_answer
from penstock_mcp.text import clean
from penstock_mcp.traced_calls import calling
from penstock_mcp.views import followed

MAX_PROBLEMS = 20
MAX_PROBLEM = 300

Execute = Callable[[ToolCard, Mapping[str, Any]], Awaitable[ToolResult]]


class WorkflowTool(Tool):
    """One Workflow as a tool. The framework checks no arguments of such a tool; `execute` does."""

    card: ToolCard = Field(exclude=True)
    execute: Execute = Field(exclude=True)

    async def run(self, arguments: dict[str, Any]) -> ToolResult:
        """Start a run and answer with what it comes to; never raises."""
        return await self.execute(self.card, arguments)


def workflow_tool(card: ToolCard, execute: Execute) -> WorkflowTool:
    """The tool of a card."""
    hints = card.annotations
    return WorkflowTool(
        name=card.name,
        title=card.title,
        description=card.description,
        parameters=card.parameters,
        output_schema=run_answer(card.output),
        annotations=ToolAnnotations(
            title=card.title,
            read_only_hint=hints.read_only,
            destructive_hint=hints.destructive,
            idempotent_hint=hints.idempotent,
            open_world_hint=hints.open_world,
        ),
        meta={"penstock.dev/workflow": str(card.key), "penstock.dev/revision": card.revision},
        card=card,
        execute=execute,
    )


class Execution:
    """Runs Workflows for callers."""

    def __init__(self, callers: Callers, follower: Follower, new_suffix: Callable[[], str]) -> None:
        self._callers = callers
        self._follower = follower
        self._new_suffix = new_suffix

    async def execute(self, card: ToolCard, arguments: Mapping[str, Any]) -> ToolResult:
        """Create the run, wait for it if asked to, answer. Whatever goes wrong is an answer too."""
        return await answered(self._execute)(card, arguments)

    async def _execute(self, card: ToolCard, arguments: Mapping[str, Any]) -> ToolResult:
        check_arguments(card.parameters, arguments)
        access = self._callers.access()
        request = RunRequest(
            namespace=card.key.namespace,
            workflow=card.key.name,
            context=arguments.get("context", {}),
            idempotency_key=arguments.get("idempotency_key"),
            job_label=arguments.get("job_label", ""),
            no_cache=arguments.get("no_cache", False),
            traceparent=calling(),
        )
        run = await SubmitRun(access, self._new_suffix)(request)
        if not arguments.get("wait", True):
            return followed(outcome(run))
        return followed(await self._follower.follow(access, run, arguments.get("timeout", DEFAULT_TIMEOUT)))


def check_arguments(parameters: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    """Raise InvalidInput with every problem of a call's own arguments.

    What is in `context` is checked once, when the run is asked for, against the Workflow as it is then. Its schema is
    not applied here: its patterns are others' regular expressions, and those of an older state of the Workflow.
    """
    envelope = {**parameters, "properties": {**parameters["properties"], "context": {"type": "object"}}}
    errors = list(validator(envelope).iter_errors(dict(arguments)))
    problems = tuple(
        Problem(".".join(str(part) for part in error.path), clean(error.message, MAX_PROBLEM))
        for error in errors[:MAX_PROBLEMS]
    )
    if problems:
        known = ", ".join(parameters["properties"])
        hint = f"The arguments are {known}; the Workflow's own values go into `context`, a JSON object."
        raise InvalidInput("the arguments do not fit", problems=problems, hint=hint)
