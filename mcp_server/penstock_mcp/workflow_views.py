"""What an agent sees of a Workflow beyond its tool."""

from __future__ import annotations

from typing import Any

from penstock.api.v1alpha1.labels import application_of, is_template
from penstock.api.v1alpha1.workflow import Step, Workflow
from penstock_mcp.schemas import context_schema
from penstock_mcp.text import clean, clean_json, one_line

MAX_DESCRIPTION = 4096
KINDS = ("script", "container", "http", "sql", "llm", "approval", "workflow", "wait")
"""Kinds of steps, by the field that each has."""


def workflow_details(workflow: Workflow) -> dict[str, Any]:
    """All that helps to decide whether and how to run a Workflow; no program text."""
    spec, ready = workflow.spec, readiness(workflow)
    return {
        "workflow": f"{workflow.metadata.namespace}/{workflow.metadata.name}",
        "title": one_line(spec.tool.title or workflow.metadata.name, 128),
        "description": clean(spec.description, MAX_DESCRIPTION),
        "application": application_of(workflow),
        "template": is_template(workflow),
        "offered_to_agents": spec.tool.enabled,
        **ready,
        "revision": workflow.status.revision.digest if workflow.status.revision else "",
        "inputs": context_schema(spec.inputs),
        "examples": clean_json((spec.inputs or {}).get("examples") or []),
        "outputs": clean_json(spec.outputs.schema_ or {}),
        "steps": [_step(step) for step in spec.steps],
        "finally": [_step(step) for step in spec.finally_],
    }


def readiness(workflow: Workflow) -> dict[str, Any]:
    """Whether it can run, as far as anybody has looked, and what is wrong with it."""
    for condition in workflow.status.conditions:
        if condition.type == "Ready":
            wrong = clean(condition.message, MAX_DESCRIPTION) if condition.status == "False" else ""
            return {"ready": condition.status, "problems": wrong}
    return {"ready": "Unknown", "problems": ""}


def _step(step: Step) -> dict[str, Any]:
    kind = next((kind for kind in KINDS if getattr(step, kind, None) is not None), "")
    gate = step.approval or step.requires_approval
    shown: dict[str, Any] = {"name": step.name, "kind": kind, "needs": list(step.needs)}
    if step.script is not None:
        shown["runtime"] = step.script.runtime
    if step.when:
        shown["when"] = clean(step.when, 512)
    if gate is not None:
        shown["approvers"] = {"users": list(gate.approvers.users), "groups": list(gate.approvers.groups)}
    return shown
