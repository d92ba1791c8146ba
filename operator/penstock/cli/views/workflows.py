"""A Workflow as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from penstock.api.v1alpha1.calls import CALLS
from penstock.api.v1alpha1.workflow import Step, Workflow
from penstock.application.safe_text import harmless, one_line
from penstock.cli.views.documents import scalar
from penstock.cli.views.schedules import schedule_lines
from penstock.cli.views.tables import readiness


def workflow_lines(workflow: Workflow, now: datetime) -> Iterator[str]:
    """What the Workflow does, what it takes, whether it can run."""
    spec = workflow.spec
    yield f"Workflow   {workflow.metadata.namespace}/{workflow.metadata.name}"
    if spec.description:
        yield f"Does       {one_line(spec.description)}"
    if readiness(workflow):
        yield f"Ready      {readiness(workflow)}"
    for condition in workflow.status.conditions:
        if condition.status == "False":
            yield from (f"  {harmless(line)}" for line in condition.message.splitlines())
    properties = _properties(spec.inputs)
    if properties:
        yield "Inputs"
        required = (spec.inputs or {}).get("required")
        for name, schema in properties.items():
            yield f"  {_input(name, schema, required=isinstance(required, list) and name in required)}"
    if spec.schedules:
        yield "Schedules"
        yield from (f"  {line}" for line in schedule_lines(workflow, now))
    yield "Steps"
    yield from (f"  {_step(step)}" for step in spec.steps)
    if spec.finally_:
        yield "Finally"
        yield from (f"  {_step(step)}" for step in spec.finally_)


def _properties(inputs: Mapping[str, Any] | None) -> Mapping[str, Any]:
    properties = (inputs or {}).get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _input(name: str, schema: Any, *, required: bool) -> str:
    known = schema if isinstance(schema, Mapping) else {}
    parts = [str(known.get("type", "any")), "required" if required else "optional"]
    if "default" in known:
        parts.append(f"default {scalar(known['default'])}")
    text = f"{name} ({', '.join(parts)})"
    about = known.get("description")
    return one_line(f"{text}: {about}" if about else text, 200)


def _what(step: Step) -> str:
    if step.script is not None:
        return f"script in {step.script.runtime}"
    if step.container is not None:
        return f"container of {step.container.image}"
    if step.http is not None:
        return f"{step.http.method} {step.http.path} of {step.http.connection}"
    if step.connection is not None:
        return f"{next(kind for kind in CALLS if getattr(step, kind) is not None)} with {step.connection}"
    if step.workflow is not None:
        return f"run of {step.workflow.name or step.workflow.spec_from}"
    return "approval" if step.approval is not None else "wait"


def _step(step: Step) -> str:
    parts = [
        _what(step),
        f"after {', '.join(step.needs)}" if step.needs else "",
        f"when {step.when}" if step.when else "",
        "gated" if step.requires_approval else "",
        f"retries {step.retry.limit}" if step.retry and step.retry.limit else "",
    ]
    return one_line(f"{step.name}: {'; '.join(part for part in parts if part)}", 200)
