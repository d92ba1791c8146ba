"""Tools about what there is: templates to clone, runtimes, figures, the tools themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.api.v1alpha1.labels import is_template
from penstock.application.clone_template import Configuration, clone_template
from penstock.application.list_runs import MAX_LOOKED_AT
from penstock.application.run_stats import RunStats, run_stats, stats_by_workflow
from penstock_mcp.calls import READS, Callers, fixed_tool
from penstock_mcp.reach import Reach
from penstock_mcp.shapes import NUMBER, OBJECT, TEXT, TRUTH, WHOLE, fields, many, said
from penstock_mcp.tools.runs import Namespace
from penstock_mcp.views import answer
from penstock_mcp.workflow_views import workflow_details
from penstock_runtimes import load_runtime, runtime_names

MAX_WORKFLOWS = 50
"""Workflows whose figures one answer holds, the busiest first."""
_CREATES = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False)
_STATS = {
    "total": WHOLE,
    "by_phase": said(OBJECT, "How many are in each phase."),
    "success_rate": said(NUMBER, "Succeeded of those that ended by themselves, 0 to 1; absent where none did."),
    "mean_seconds": said(NUMBER, "Absent where none ended."),
    "median_seconds": said(NUMBER, "Absent where none ended."),
}
_TEMPLATE = fields(
    workflow=said(TEXT, "The template, for clone_template."),
    title=TEXT,
    description=TEXT,
    inputs=OBJECT,
    steps=many(OBJECT),
)
_RUNTIME = fields(name=said(TEXT, "What a step's `runtime` says."), title=TEXT, description=TEXT, dependencies=TRUTH)


class GalleryTools:
    """The tools about what there is."""

    def __init__(self, callers: Callers, reach: Reach, announce: Callable[[], Awaitable[None]]) -> None:
        self._callers = callers
        self._reach = reach
        self._announce = announce

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        stats = fields(**_STATS, waiting_approvals=WHOLE, workflows=many(fields(workflow=TEXT, **_STATS)))
        return [
            fixed_tool(self.list_templates, "List templates", READS, fields(templates=many(_TEMPLATE))),
            fixed_tool(self.clone_template, "Make a Workflow of a template", _CREATES, fields(workflow=OBJECT)),
            fixed_tool(self.get_stats, "Figures on runs", READS, stats),
            fixed_tool(self.list_runtimes, "List runtimes", READS, fields(runtimes=many(_RUNTIME))),
            fixed_tool(self.reload_tools, "Tell of the tools again", READS, fields(tools=WHOLE, names=many(TEXT))),
        ]

    async def list_templates(self, namespace: Namespace = "") -> ToolResult:
        """List the templates: Workflows that are not run themselves but cloned and configured.

        Use it when the person wants a new Workflow like one that is known to be good. Gives what each does, takes and
        consists of. Next: clone_template.
        """
        found = await self._callers.access().workflows.list(self._callers.scope(namespace))
        templates = [workflow_details(workflow) for workflow in found if is_template(workflow)]
        return answer({"status": "success", "output": {"templates": templates}}, f"{len(templates)} templates.")

    async def clone_template(
        self,
        template: Annotated[str, Field(description="The template: namespace/name, as list_templates gives it.")],
        name: Annotated[
            str, Field(max_length=63, description="Name of the new Workflow: lower case, digits, hyphens.")
        ],
        defaults: Annotated[
            dict[str, Any] | None,
            Field(description="Values of the template's inputs that callers then need not give any more."),
        ] = None,
        description: Annotated[str | None, Field(max_length=4096, description="What the new Workflow does.")] = None,
        title: Annotated[str | None, Field(max_length=128, description="Its name for people.")] = None,
    ) -> ToolResult:
        """Make a Workflow of a template: copied into the same namespace, configured, checked before it is written.

        Use it when the person chose a template and said what it should be set to. Every problem of the configuration is
        told at once, and then nothing is created. Gives the new Workflow. Next: its execute_… tool, once it is listed.
        """
        source = self._callers.key(template)
        made = await clone_template(
            self._callers.access(),
            source,
            self._callers.key(f"{source.namespace}/{name}"),
            Configuration(description=description, title=title, defaults=defaults or {}),
        )
        return answer({"status": "success", "output": {"workflow": workflow_details(made)}}, "The Workflow is there.")

    async def get_stats(self, namespace: Namespace = "") -> ToolResult:
        """Figures on the newest runs: how many, how they end, how long they take; in all and for each Workflow.

        Use it for a report or to see whether something goes wrong more often than usual. Next: list_runs with a phase.
        """
        access, where = self._callers.access(), self._callers.scope(namespace)
        runs = await access.runs.list(where, limit=MAX_LOOKED_AT)
        waiting = sum(request.status.phase == "Pending" for request in await access.approvals.list(where))
        each = [{"workflow": name, **_figures(stats)} for name, stats in stats_by_workflow(runs).items()][
            :MAX_WORKFLOWS
        ]
        output = {**_figures(run_stats(runs)), "waiting_approvals": waiting, "workflows": each}
        return answer({"status": "success", "output": output}, f"Figures on {len(runs)} runs.")

    async def list_runtimes(self) -> ToolResult:
        """List the languages that a step's script may be written in.

        Use it before writing a script or a Workflow. Gives each runtime's `name`, what it is, and whether it installs
        `dependencies`. These come with this version; a cluster may have more of its own.
        """
        found = [load_runtime(name) for name in runtime_names()]
        lines = [
            {
                "name": each.name,
                "title": each.title,
                "description": each.description,
                "dependencies": each.takes_dependencies,
            }
            for each in found
        ]
        return answer({"status": "success", "output": {"runtimes": lines}}, f"{len(lines)} runtimes.")

    async def reload_tools(self) -> ToolResult:
        """Tell clients once more that the list of tools changed, and give the names as they are for you now.

        Use it only when a tool that should be there is missing: tools follow the Workflows by themselves, within a
        second. Next: list the tools again.
        """
        names = [card.name for card in await self._reach.cards()]
        await self._announce()
        return answer({"status": "success", "output": {"tools": len(names), "names": names}}, "Clients were told.")


def _figures(stats: RunStats) -> dict[str, Any]:
    """What is known of them: a client that checks answers takes no null for a number."""
    return {name: value for name, value in asdict(stats).items() if value is not None}
