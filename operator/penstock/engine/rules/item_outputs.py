"""Outputs of items on their way into the step's own: few stand in the run object, the others beside it, in chunks."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.digests import size_of
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import ItemsState
from penstock.engine.keeping import LIST_LIMIT, keep_beside
from penstock.engine.model import Failure, StepPlan
from penstock.engine.rules.item_lists import fail_items

INLINE_ITEMS = 16_384
"""Bytes of JSON that outputs of items may have in the run object."""


def keep_item_outputs(draft: Draft) -> Draft:
    """Once the outputs of items have outgrown their room in the run object, they are kept beside it as one chunk."""
    for step in draft.plan.steps.values():
        items = draft.step(step.name).items
        if items is not None and items.outputs:
            draft = _keep(draft, step, items)
    return draft


def _keep(draft: Draft, step: StepPlan, items: ItemsState) -> Draft:
    value = {str(index): output for index, output in items.outputs.items()}
    size = size_of(value)
    if size <= INLINE_ITEMS:
        return draft
    none = replace(items, outputs=MappingProxyType({}))
    if size + sum(ref.size for ref in items.chunks) > LIST_LIMIT:
        reason = f"the outputs of the items have more than {LIST_LIMIT:,} bytes together, which is the limit"
        failure = Failure(FailureCode.OUTPUT_TOO_LARGE, f"{reason}. Write large data elsewhere and output where it is")
        return _without(draft, step, none, failure)
    kept = keep_beside(draft, value)
    if kept.failure is not None or kept.ref is None:
        return _without(draft, step, none, kept.failure)
    return kept.draft.with_step(step.name, items=replace(none, chunks=(*items.chunks, kept.ref)))


def _without(draft: Draft, step: StepPlan, items: ItemsState, failure: Failure | None) -> Draft:
    draft = draft.with_step(step.name, items=items)
    if failure is None or draft.step(step.name).phase.finished:
        return draft
    return fail_items(draft, step, failure)
