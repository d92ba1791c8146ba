"""The end of a fanned-out step: when nothing runs any more and nothing is to be started."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.commands import LoadOutput
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import FanOut, ItemsState
from penstock.engine.keeping import LIST_LIMIT, keep_output
from penstock.engine.model import Failure, StepPhase, StepPlan
from penstock.engine.rules.item_lists import fail_items

_NAMED = 3
"""Failures that the step's own failure names."""


def finish_items(draft: Draft) -> Draft:
    """A step whose items have all ended succeeds unless too many of them failed; one that gave up ends sooner."""
    for step in draft.plan.steps.values():
        state = draft.step(step.name)
        if step.fan_out is not None and state.items is not None and state.phase.alive:
            draft = _finish(draft, step, step.fan_out, state.items)
    return draft


def _finish(draft: Draft, step: StepPlan, fan_out: FanOut, items: ItemsState) -> Draft:
    if any(batch.phase.alive for batch in items.active.values()):
        return draft
    if len(items.ended) < items.total and not items.given_up(fan_out):
        return draft
    if len(items.failed) > fan_out.allowed(items.total):
        return fail_items(draft, step, Failure(FailureCode.ITEMS_FAILED, _reason(fan_out, items)))
    return succeed_with_items(draft, step, items)


def succeed_with_items(draft: Draft, step: StepPlan, items: ItemsState) -> Draft:
    """The step's output is the list of its items' outputs, in the order of the items, null where there is none."""
    unknown = [ref for ref in items.chunks if ref.name not in draft.facts.loaded]
    if unknown:
        return draft.emit(*map(LoadOutput, unknown))
    outputs = {str(index): output for index, output in items.outputs.items()}
    for ref in items.chunks:
        chunk = draft.facts.loaded[ref.name]
        if chunk.error is not None:
            lost = Failure(FailureCode.OUTPUT_LOST, f"outputs of items are lost: {chunk.error}")
            return fail_items(draft, step, lost)
        outputs.update(chunk.value)
    output = [outputs.get(str(index)) for index in range(items.total)]
    kept = keep_output(draft, output, limit=LIST_LIMIT)
    if kept.failure is not None:
        return fail_items(draft, step, kept.failure)
    return kept.draft.with_step(
        step.name,
        phase=StepPhase.SUCCEEDED,
        output=output,
        stored=kept.ref,
        items=replace(items, outputs=MappingProxyType({}), chunks=()),
        finished_at=draft.now,
        failure=None,
        message=None,
    )


def _reason(fan_out: FanOut, items: ItemsState) -> str:
    allowed = fan_out.allowed(items.total)
    reason = f"{len(items.failed):,} of {items.total:,} items failed, {allowed:,} may"
    if never := items.total - len(items.ended):
        reason += f"; {never:,} were not run to their end"
    told = sorted(items.failures, key=lambda each: each.index)[:_NAMED]
    first = "; ".join(f"item {each.index}: {each.failure.reason} ({each.failure.code})" for each in told)
    return f"{reason}. {first}"
