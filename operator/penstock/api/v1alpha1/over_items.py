"""The beginning of a step: its name, when it runs, and how it is spread over a list."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from penstock.api.v1alpha1.caching import StepCache
from penstock.api.v1alpha1.meta import MAX_STEPS, ApiModel, CountOrPercent, Expression, StepName

ITEM_RULES = (
    (
        "!has(self.forEach) || !(has(self.approval) || has(self.wait))",
        "forEach runs a script, container, call or workflow once for each item; leave it out of other steps",
    ),
    (
        "self.?itemsPerPod.orValue(1) == 1 || has(self.script) || has(self.http) || has(self.sql)",
        "only of script, http and sql can one pod run several items; leave itemsPerPod out",
    ),
    (
        "has(self.forEach) || !(has(self.maxParallel) || has(self.itemsPerPod) || has(self.itemFailures))",
        "maxParallel, itemsPerPod and itemFailures are about the items of forEach; add forEach or remove them",
    ),
    (
        "!has(self.forEach) || !self.?requiresApproval.?eachAttempt.orValue(false)",
        "a gate in front of a step with forEach is one for all items; leave eachAttempt out",
    ),
)
"""Rules of the API server for a step that has these fields."""


class ItemFailures(ApiModel):
    """What failures of single items mean for a fanned-out step."""

    tolerated: CountOrPercent = 0
    """How many items may fail for good, as a number or a percentage such as `10%` (rounded down)."""
    fail_fast: bool = True
    """Start no more items once more have failed than are tolerated; what runs then comes to its end."""


class StepHead(ApiModel):
    """What a step is called, when it runs and how often: the beginning of every step."""

    name: StepName
    """Name, unique in the Workflow: lower case letters, digits and underscores, so that expressions can use it."""
    needs: Annotated[tuple[StepName, ...], Field(max_length=MAX_STEPS)] = ()
    """Steps that must have succeeded, or been skipped, before this one starts."""
    when: Expression | None = None
    """CEL; the step is skipped when it gives false."""
    for_each: Expression | None = None
    """CEL for a list: the step runs once for each item of it, and its output is the list of the items' outputs."""
    max_parallel: Annotated[int, Field(ge=1, le=256)] = 20
    """How many pods, or runs of a `workflow` step, are under way at the same time."""
    items_per_pod: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many items of a script, http or sql step one pod runs, one after the other, each as a program of its own."""
    item_failures: ItemFailures | None = None
    """When failed items fail the step; without it the first one does."""
    cache: StepCache | None = None
    """Take the output of an equal step of an earlier run of the Workflow, if there is one. Runs of a Workflow only."""
