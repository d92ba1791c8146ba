"""From words to a run: the Workflow that plans, what its run starts with, and the plan that it wrote.

Such a Workflow carries the label penstock.dev/purpose: plan, takes a `prompt`, and has one `llm` step with `plans`. Who
may approve, which model is asked and what a plan may hold is what its author says; nothing is added here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from penstock.api.v1alpha1.labels import PURPOSE_LABEL, USUAL_NAMES, application_of, is_template, purpose_of
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Step, Workflow, WorkflowSpec
from penstock.application.read_output import output_of
from penstock.application.submit_run import RunRequest
from penstock.application.tool_lines import tool_lines
from penstock.errors import InvalidInput, NotFound, PenstockError
from penstock.ports.access import Access

PROMPT = "prompt"
TOOLS = "tools"
"""Input in which a planning Workflow is told what the Workflows do that its plan may run."""
MAX_GOAL = 4000
"""Characters."""


@dataclass(frozen=True, slots=True)
class WrittenPlan:
    """A plan, as a person reads it."""

    text: str
    summary: str
    recorded: bool
    """No model was asked: the answer had been written down before."""


def one_for(purpose: str, workflows: Sequence[Workflow], application: str) -> Workflow:
    """The one Workflow that serves this purpose; of this application where one is named. Raises NotFound, InvalidInput.

    Where several do, the one with the purpose's usual name (`ask`, `analyst`) is meant.
    """
    found = [each for each in workflows if purpose_of(each) == purpose and not is_template(each)]
    if application:
        found = [each for each in found if application_of(each) == application]
    if not found:
        where = f"application {application}" if application else "the namespace"
        raise NotFound(
            f"{where} has no Workflow with the label {PURPOSE_LABEL}: {purpose}",
            hint="Put one there first: docs/how-to/ask.md has ready-made ones.",
        )
    usual = [each for each in found if each.metadata.name == USUAL_NAMES[purpose]]
    if len(found) > 1 and len(usual) != 1:
        names = ", ".join(f"{each.metadata.namespace}/{each.metadata.name}" for each in found)
        raise InvalidInput(f"several Workflows do that: {names}", hint="Name the application of the one that is meant.")
    return (usual or found)[0]


def planning_request(planner: Workflow, goal: str, workflows: Sequence[Workflow]) -> RunRequest:
    """The run that plans this; `workflows`: those that whoever asks may run.

    Raises InvalidInput for a Workflow that does not plan.
    """
    step = planning_step(planner.spec)
    properties = planner.spec.inputs.get("properties") if planner.spec.inputs else None
    if step is None or not isinstance(properties, dict) or PROMPT not in properties:
        name = f"{planner.metadata.namespace}/{planner.metadata.name}"
        raise InvalidInput(
            f"Workflow {name} does not plan",
            hint=f"It needs an input `{PROMPT}` and an llm step with `plans`, or no label {PURPOSE_LABEL}.",
        )
    context: dict[str, Any] = {PROMPT: goal}
    if TOOLS in properties:
        allowed = step.llm.plans.workflows if step.llm and step.llm.plans else ()
        context[TOOLS] = tool_lines([each for each in workflows if each.metadata.name in allowed])
    return RunRequest(planner.metadata.namespace, planner.metadata.name, context)


def planning_step(spec: WorkflowSpec) -> Step | None:
    """The step in which a model writes the plan; None where there is none."""
    return next((step for step in spec.steps if step.llm is not None and step.llm.plans is not None), None)


async def written_plan(access: Access, run: WorkflowRun, spec: WorkflowSpec) -> WrittenPlan | None:
    """The plan of a run, as soon as there is one that this caller may read."""
    step = planning_step(spec)
    try:
        output = await output_of(access, run, step.name) if step is not None else None
    except PenstockError:
        return None
    if not isinstance(output, dict):
        return None
    text, summary = (str(output.get(name) or "") for name in ("text", "summary"))
    return WrittenPlan(text, summary, recorded=output.get("recorded") is True)
