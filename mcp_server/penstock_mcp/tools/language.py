"""Tools that begin with words: have a plan written and follow it, have a question answered."""

from __future__ import annotations

from typing import Annotated, Any

from fastmcp.tools.base import Tool, ToolResult
from mcp_types import ToolAnnotations
from pydantic import Field

from penstock.api.v1alpha1.labels import ANSWERS, PLANS, application_of
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow, WorkflowSpec
from penstock.application.analyst import MAX_QUESTION, Analyst, Question
from penstock.application.definitions import definition_of
from penstock.application.planning import MAX_GOAL, one_for, planning_request, planning_step, written_plan
from penstock.application.submit_run import SubmitRun
from penstock.engine.model import RunPhase
from penstock.errors import InvalidInput
from penstock_mcp.calls import READS, fixed_tool
from penstock_mcp.catalogue import DEFAULT_TIMEOUT
from penstock_mcp.replies import RECORDED, REPLY_SCHEMA, reply_answer
from penstock_mcp.text import clean
from penstock_mcp.tools.runs import RunHandle, Seconds
from penstock_mcp.views import MAX_TEXT, NEXT, followed
from penstock_mcp.workshop import Workshop

ApplicationUri = Annotated[
    str,
    Field(
        max_length=512,
        description="The application, as list_applications gives its `uri`. Default: the only one that can do this.",
    ),
]
_PLANS = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True)
_ASKS = ToolAnnotations(read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True)


class LanguageTools:
    """The tools that begin with words."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def all(self) -> list[Tool]:
        """The tools, ready to be added to a server."""
        return [
            fixed_tool(self.plan_workflow, "Plan what a sentence asks for", _PLANS),
            fixed_tool(self.run_plan, "Follow a plan through its gate", READS),
            fixed_tool(self.ask_analyst, "Ask about an application", _ASKS, REPLY_SCHEMA),
        ]

    async def plan_workflow(
        self,
        goal: Annotated[
            str, Field(min_length=3, max_length=MAX_GOAL, description="What is to be done, in the person's own words.")
        ],
        application: ApplicationUri = "",
        timeout: Seconds = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller's word for it, the same in every tool
    ) -> ToolResult:
        """Have a plan written for a goal in plain words: steps out of an application's systems and Workflows.

        Use it when no single tool does what the person wants. A model writes the plan, it is checked, and then it waits
        at a gate: nothing of it has been done. Gives the `run`, the plan as people read it in `about.plan`, and the
        gate in `approvals`. Next: show the plan to the person; once people have approved the gate, run_plan with the
        `run`. cancel_run drops it.
        """
        shop = self._workshop
        workflows, key = await shop.workflows(application)
        planner = one_for(PLANS, workflows, key.name if key else "")
        request = planning_request(planner, goal, workflows)
        run = await SubmitRun(shop.callers.access(), shop.new_suffix)(request)
        return await self._followed(run, planner.spec, timeout)

    async def run_plan(
        self,
        run: RunHandle,
        timeout: Seconds = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller's word for it, the same in every tool
    ) -> ToolResult:
        """Follow a plan of plan_workflow: wait until people have decided at its gate, and then for its steps.

        Use it after plan_workflow, or for a plan of a run of `ask` that waits. It decides nothing itself: whoever may
        approve says so with approve_workflow, or in a client of their own. Gives what each step of the plan came to in
        `output`. Next: run_plan again while it answers `running`, `timeout` or `waiting`.
        """
        access = self._workshop.callers.access()
        found = await access.runs.get(self._workshop.callers.key(run))
        spec = await definition_of(access, found)
        if spec is None or planning_step(spec) is None:
            raise InvalidInput("this run plans nothing", hint="Give the `run` of plan_workflow; for others get_run.")
        return await self._followed(found, spec, timeout)

    async def ask_analyst(
        self,
        question: Annotated[
            str, Field(min_length=3, max_length=MAX_QUESTION, description="What the person wants to know, in words.")
        ],
        application: ApplicationUri = "",
        session_id: Annotated[
            str, Field(max_length=64, description="Of an earlier answer, to go on with that conversation.")
        ] = "",
        timeout: Seconds = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller's word for it, the same in every tool
    ) -> ToolResult:
        """Ask a question about an application: answered out of its past runs and of its Workflows that only read.

        Use it for what no tool answers directly, such as why orders fail or what a run found. Changes nothing; runs
        that look something up are started under the person's own rights. Gives `answer`, the `runs` that it rests on,
        those in `looked_up` that it started, and a `session_id`. Next: a further question with that `session_id`; the
        same question with it while this answers `running`.
        """
        shop = self._workshop
        workflows, key = await shop.workflows(application)
        analyst = one_for(ANSWERS, workflows, key.name if key else "")
        offered = [each for each in workflows if _together(analyst, each)]
        seconds = min(timeout, shop.follower.budget)
        asked = Question(analyst, question, session_id, offered, shop.now())
        return reply_answer(await Analyst(shop.callers.access(), shop.new_suffix, seconds).answer(asked))

    async def _followed(self, run: WorkflowRun, spec: WorkflowSpec, seconds: float) -> ToolResult:
        access = self._workshop.callers.access()
        at_gates = run.status.phase != RunPhase.WAITING
        shape = await self._workshop.follower.follow(access, run, seconds, at_gates=at_gates)
        plan = await written_plan(access, await access.runs.get(self._workshop.key_of(run)), spec)
        if plan is None:
            return followed(shape)
        about: dict[str, Any] = {"plan": clean(plan.text, MAX_TEXT), "summary": plan.summary, "recorded": plan.recorded}
        words = NEXT.get(str(shape["status"]), "")
        return followed({**shape, "about": about}, f"{words} {RECORDED}" if plan.recorded else None)


def _together(one: Workflow, other: Workflow) -> bool:
    """Both are of the same application."""
    return one.metadata.namespace == other.metadata.namespace and application_of(one) == application_of(other)
