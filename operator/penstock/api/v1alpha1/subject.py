"""What the checks of a Workflow look at: its steps with their paths, its context fields, and the tools for checking.

Holds no check of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from penstock.api.v1alpha1.workflow import Script, Step, WorkflowSpec
from penstock.errors import Problem

STAND_IN = "penstockstandin"
"""Marks what was put in place of something broken, so that the rest can still be checked; never shown to anybody."""


class BindingProblem(Protocol):
    """What is wrong with one placeholder, or with the program around it."""

    @property
    def line(self) -> int:
        """1-based, in the script."""

    @property
    def message(self) -> str:
        """A plain sentence."""

    @property
    def suggestion(self) -> str:
        """What to write instead; may be empty."""


class Binding(Protocol):
    """A script in which placeholders have become references."""

    @property
    def source(self) -> str:
        """The program that runs."""

    @property
    def used(self) -> frozenset[str]:
        """The fields of the context that its placeholders name."""

    @property
    def problems(self) -> Sequence[BindingProblem]:
        """Why it may not run."""


Bind = Callable[[str, str, frozenset[str] | None, Mapping[str, str]], Binding]
"""(runtime, source, known context fields or None for any, the types of those of one type) -> Binding."""

CheckExpression = Callable[[str], str | None]
"""CEL -> what is wrong with it, as a plain sentence, or None."""

CheckContext = Callable[[Mapping[str, Any] | None, Mapping[str, Any]], Sequence[Problem]]
"""(inputs, context) -> what of the context does not fit them, with paths that begin with `context`."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the checks cannot do themselves. None leaves a check out."""

    images: Mapping[str, str] | None = None
    """Image of each runtime, empty in local mode."""
    check_expression: CheckExpression | None = None
    bind: Bind | None = None
    check_context: CheckContext | None = None

    def bound(self, script: Script, fields: frozenset[str] | None, types: Mapping[str, str]) -> Binding:
        """The script with its placeholders made references."""
        if self.bind is not None:
            return self.bind(script.runtime, script.source, fields, types)
        from penstock.engine.placeholders import bind

        return bind(script.runtime, script.source, fields, types)


@dataclass(frozen=True, slots=True)
class Placed:
    """A step and where it is written."""

    path: str
    """`spec.steps[2]`."""
    step: Step
    final: bool
    """Belongs to `finally`."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A Workflow under examination."""

    spec: WorkflowSpec
    root: str
    """Path of the spec itself."""
    steps: tuple[Placed, ...]
    by_name: Mapping[str, Placed]
    """Of two steps with one name the first."""
    needs: Mapping[str, tuple[str, ...]]
    """Needs by step name."""
    fields: frozenset[str] | None
    """Fields that the context may have; None for any."""
    tools: Tools

    @property
    def names(self) -> tuple[str, ...]:
        """Step names in their order, less stand-ins."""
        return tuple(name for name in self.needs if STAND_IN not in name)


def subject_of(spec: WorkflowSpec, tools: Tools, root: str = "spec") -> Subject:
    """The Workflow laid out for the checks."""
    main = tuple(Placed(f"{root}.steps[{index}]", step, False) for index, step in enumerate(spec.steps))
    final = tuple(Placed(f"{root}.finally[{index}]", step, True) for index, step in enumerate(spec.finally_))
    steps = (*main, *final)
    by_name: dict[str, Placed] = {}
    for placed in steps:
        by_name.setdefault(placed.step.name, placed)
    needs = {name: placed.step.needs for name, placed in by_name.items()}
    return Subject(spec, root, steps, by_name, needs, context_fields(spec), tools)


def context_fields(spec: WorkflowSpec) -> frozenset[str] | None:
    """The fields that the context of a run may have; None where any may be there."""
    if spec.inputs is None or spec.inputs.get("additionalProperties", False) is not False:
        return None
    properties = spec.inputs.get("properties")
    return frozenset(properties) if isinstance(properties, dict) else frozenset()


def field_types(spec: WorkflowSpec) -> Mapping[str, str]:
    """The JSON Schema type of each field of the context that can only be of one."""
    properties = (spec.inputs or {}).get("properties")
    if not isinstance(properties, dict):
        return {}
    return {
        name: kind
        for name, schema in properties.items()
        if isinstance(schema, dict) and isinstance(kind := schema.get("type"), str)
    }
