"""What a model is told of Workflows that it may choose from: bounded, as data. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.safe_text import one_line
from penstock.engine.digests import canonical

MAX_TOOLS = 50
MAX_DESCRIPTION = 1024
"""Characters."""
MAX_INPUTS = 4096
"""Bytes of one Workflow's inputs as JSON; larger ones are only named."""
MAX_LINES = 49_152
"""Bytes of all of it as JSON: a run's context has 128 KiB for everything."""


def tool_lines(workflows: Sequence[Workflow], limit: int = MAX_LINES) -> list[dict[str, Any]]:
    """Name, title, description and inputs of each, as many as there is room for: `limit` bytes of JSON."""
    lines: list[dict[str, Any]] = []
    left = limit
    for workflow in workflows[:MAX_TOOLS]:
        line = _line(workflow)
        left -= len(canonical(line))
        if left < 0:
            break
        lines.append(line)
    return lines


def _line(workflow: Workflow) -> dict[str, Any]:
    spec = workflow.spec
    inputs: dict[str, Any] = dict(spec.inputs or {"type": "object"})
    if len(canonical(inputs)) > MAX_INPUTS:
        inputs = {"type": "object", "properties": {name: {} for name in list(inputs.get("properties") or {})[:100]}}
    return {
        "name": workflow.metadata.name,
        "title": one_line(spec.tool.title or "", 128),
        "description": one_line(spec.description, MAX_DESCRIPTION),
        "inputs": inputs,
    }
