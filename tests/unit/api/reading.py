"""Reads YAML the way `penstock validate` does, with the real CEL check and the real binding of placeholders."""

from __future__ import annotations

from textwrap import dedent, indent

from penstock.adapters.cel.checking import check_expression
from penstock.api.v1alpha1.sources import validate_text
from penstock.api.v1alpha1.workflow import Workflow
from penstock.application.check_context import check_context
from penstock.errors import Problem

IMAGES = {"python": "", "bash": ""}

HEAD = """\
apiVersion: penstock.dev/v1alpha1
kind: Workflow
metadata: {name: order-processing}
spec:
"""


def workflow_text(spec: str) -> str:
    """A whole file around the text of a spec."""
    return HEAD + indent(dedent(spec).strip("\n"), "  ") + "\n"


def steps_text(steps: str) -> str:
    """A whole file around the text of a list of steps."""
    return workflow_text("steps:\n" + indent(dedent(steps).strip("\n"), "  "))


def read(text: str) -> tuple[list[Workflow], list[Problem]]:
    """What `penstock validate` finds."""
    return validate_text(text, images=IMAGES, check_expression=check_expression, check_context=check_context)


def problems(text: str) -> list[Problem]:
    """What is wrong with a file."""
    return read(text)[1]


def workflow(text: str) -> Workflow:
    """The one Workflow of a file without problems."""
    found, wrong = read(text)
    assert wrong == []
    return found[0]


def the_problem(text: str) -> Problem:
    """The one thing that is wrong with a file."""
    found = problems(text)
    assert len(found) == 1, [str(problem) for problem in found]
    return found[0]
