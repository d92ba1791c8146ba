"""What a step's program is in this run: its plan's, with what depends on the run filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.engine.commands import FindRevision
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, StepKind, StepPlan


@dataclass(frozen=True, slots=True)
class Program:
    """A program in the making."""

    draft: Draft
    """With questions, where something is still unknown."""
    content: Mapping[str, Any] | None = None
    """None while something is unknown, or where it cannot be made."""
    failure: Failure | None = None
    """Why it cannot be made."""


def program_of(draft: Draft, step: StepPlan) -> Program:
    """The program that an attempt started now would run."""
    content = dict(step.program)
    asked = draft
    for field, data in step.templates.items():
        name = f"program.{field}"
        value = draft.value(step.name, name)
        if value is None:
            asked = asked.fill(step, name, data)
        elif value.error is not None:
            return Program(draft, failure=Failure(FailureCode.EXPRESSION_ERROR, f"{field}: {value.error}", step.name))
        else:
            content[field] = value.value
    asked, failure = _pin(asked, step, content)
    if failure is not None:
        return Program(draft, failure=failure)
    return Program(asked, None if asked is not draft else content)


def _pin(draft: Draft, step: StepPlan, content: dict[str, Any]) -> tuple[Draft, Failure | None]:
    """A gate in front of a child run binds the very content that will run, so it is looked up before people are asked.

    Without a gate the child takes the content that its Workflow has when it starts, like any other run.
    """
    if step.kind is not StepKind.WORKFLOW or step.gate is None or "name" not in content or "revision" in content:
        return draft, None
    value = draft.value(step.name, "program.revision")
    if value is None:
        return draft.emit(FindRevision(step.name, "program.revision", content["name"])), None
    if value.error is not None:
        return draft, Failure(FailureCode.WORKFLOW_NOT_FOUND, value.error, step.name)
    content["revision"] = value.value
    return draft, None
