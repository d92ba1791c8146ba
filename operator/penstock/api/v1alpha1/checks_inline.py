"""What a definition that a run brings along cannot have: there is no Workflow behind it."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.errors import Problem


def check_inline(spec: WorkflowSpec) -> Iterator[Problem]:
    """Every field that speaks of a Workflow's runs."""
    if spec.concurrency is not None:
        message = "An inline definition has no Workflow whose runs could be counted."
        yield Problem("spec.inline.concurrency", message, "Remove it, or make a Workflow of the definition.")
    if spec.schedules:
        message = "An inline definition is run once; nobody would start it at other times."
        yield Problem("spec.inline.schedules", message, "Remove it, or make a Workflow of the definition.")
    if spec.retention is not None and spec.retention.keep is not None:
        message = "An inline definition has no Workflow whose runs could be counted."
        yield Problem("spec.inline.retention.keep", message, "Write how long it is kept: `retention: {failed: 7d}`.")
