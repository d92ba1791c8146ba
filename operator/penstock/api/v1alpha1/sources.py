"""The text of a file -> Workflows and every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from penstock.api.v1alpha1.connection import Connection
from penstock.api.v1alpha1.parse import parse_connection, parse_run, parse_workflow
from penstock.api.v1alpha1.subject import Bind, CheckContext, CheckExpression
from penstock.api.v1alpha1.suggestions import closest
from penstock.api.v1alpha1.workflow import Workflow
from penstock.api.v1alpha1.yaml_reading import Position, read_yaml
from penstock.errors import Problem

_PARENT = re.compile(r"(\.[^.\[\]]*|\[[0-9]+\]|^[^.\[]*|[\[\]][^.]*)$")
KINDS = ("Workflow", "WorkflowRun", "Connection")
"""What a file may hold."""


def validate_text(
    text: str,
    *,
    images: Mapping[str, str] | None = None,
    check_expression: CheckExpression | None = None,
    bind: Bind | None = None,
    check_context: CheckContext | None = None,
) -> tuple[list[Workflow | Connection], list[Problem]]:
    """The Workflows and Connections in a file, and everything that is wrong with the file, by line.

    What has the right shape is there even when there are problems; WorkflowRuns are only checked.
    """
    documents, broken = read_yaml(text)
    objects: list[Workflow | Connection] = []
    problems = list(broken)
    if not documents and not broken:
        problems.append(Problem("", "The file is empty.", "Begin with `apiVersion: penstock.dev/v1alpha1`.", 1))
    for document in documents:
        kind = _kind(document.data)
        found: tuple[Problem, ...]
        if kind == "Workflow":
            parsed = parse_workflow(
                document.data,
                images=images,
                check_expression=check_expression,
                bind=bind,
                check_context=check_context,
            )
            found = parsed.problems
            objects.extend([parsed.workflow] if parsed.workflow else [])
        elif kind == "WorkflowRun":
            found = parse_run(document.data, images=images, check_expression=check_expression, bind=bind).problems
        elif kind == "Connection":
            connection = parse_connection(document.data)
            found = connection.problems
            objects.extend([connection.connection] if connection.connection else [])
        else:
            found = (_unknown_kind(kind),)
        problems.extend(with_lines(found, document.positions))
    return objects, sorted(problems, key=lambda problem: problem.line or 0)


def _kind(data: Any) -> Any:
    """The kind that a document says it is; one that does not say is read as a Workflow, which then says so."""
    return data.get("kind", "Workflow") if isinstance(data, Mapping) else "Workflow"


def _unknown_kind(kind: Any) -> Problem:
    near = closest(str(kind), KINDS)
    fix = (
        f"Write `kind: {near}`."
        if near
        else "Keep it in a file of its own; this one may hold Workflow, WorkflowRun and Connection."
    )
    return Problem("kind", f"`{kind}` is not a kind that is read here.", fix)


def with_lines(problems: Iterable[Problem], positions: Mapping[str, Position]) -> tuple[Problem, ...]:
    """The problems with the lines where their paths are written, or what holds them where they are not.

    A path that ends in `:3` speaks of line 3 of a text; it gets that line of the file where the text is a `|` block.
    """
    return tuple(replace(problem, line=_line(problem, positions)) for problem in problems)


def _line(problem: Problem, positions: Mapping[str, Position]) -> int | None:
    if problem.line is not None:
        return problem.line
    path, _, inner = problem.path.rpartition(":")
    if not inner.isdigit():
        path, inner = problem.path, ""
    position = positions.get(path)
    if position is not None and inner and position.block:
        return position.line + int(inner)
    while position is None and path:
        path = _PARENT.sub("", path)
        position = positions.get(path)
    return position.line if position else None
