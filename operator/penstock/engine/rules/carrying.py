"""A run that retries a finished one takes over what succeeded there, items too, and does the rest anew."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.draft import Draft
from penstock.engine.fan_out import ItemsState
from penstock.engine.graph import ancestors
from penstock.engine.keeping import LIST_LIMIT, keep_output
from penstock.engine.model import Plan, RunState, StepKind, StepPhase, StepPlan, StepState


def carry_over(draft: Draft) -> Draft:
    """The steps that need not run again stand as they ended in the run that this one retries.

    A step is taken over when it succeeded on what all its needs still are: one that ran on the output of a step that
    runs again runs again too. Of a step that is fanned out and did not succeed the items that did are taken over. A
    gate is taken over only where nothing is left to start behind it; else people are asked anew. `finally` always runs.
    """
    plan, earlier = draft.plan, draft.facts.earlier
    if earlier is None:
        return draft
    kept: dict[str, bool] = {}
    names = {step.name for step in plan.main if _stands(plan, earlier, step, kept)}
    opening = {step.name for step in plan.main if _opens_more(plan, earlier, names, step)}
    for name, step in plan.steps.items():
        if name in names - opening:
            draft = _take(draft, name, earlier.step(name))
        elif not step.final and _rests_on_what_stands(plan, earlier, step, kept):
            draft = _take_items(draft, name, earlier.step(name).items)
    return draft


def _stands(plan: Plan, earlier: RunState, step: StepPlan, kept: dict[str, bool]) -> bool:
    """The step succeeded, and what it ran on stays as it was."""
    if step.name not in kept:
        succeeded = earlier.step(step.name).phase is StepPhase.SUCCEEDED
        kept[step.name] = succeeded and _rests_on_what_stands(plan, earlier, step, kept)
    return kept[step.name]


def _rests_on_what_stands(plan: Plan, earlier: RunState, step: StepPlan, kept: dict[str, bool]) -> bool:
    """What the step ran on stays as it was."""
    # The DAG has no cycle, so this ends.
    return all(
        _stands(plan, earlier, plan.steps[need], kept) or _was_passed_over(earlier.step(need)) for need in step.needs
    )


def _was_passed_over(state: StepState) -> bool:
    """Skipped by its own `when`, which comes to the same again."""
    return state.phase is StepPhase.SKIPPED and state.failure is None


def _opens_more(plan: Plan, earlier: RunState, kept: set[str], step: StepPlan) -> bool:
    """The step is a gate, and something behind it would start on the strength of the old decision."""
    if step.kind is not StepKind.APPROVAL:
        return False
    needs = {name: other.needs for name, other in plan.steps.items()}
    behind = (other.name for other in plan.main if step.name in ancestors(needs, other.name))
    return any(name not in kept and not _was_passed_over(earlier.step(name)) for name in behind)


def _take(draft: Draft, name: str, state: StepState) -> Draft:
    # The output is kept with this run: the earlier one may be removed while this one still needs it.
    place = keep_output(draft, state.output, limit=LIST_LIMIT)
    taken = StepState(
        phase=StepPhase.SUCCEEDED,
        carried=True,
        output=state.output,
        stored=place.ref,
        started_at=state.started_at,
        finished_at=state.finished_at,
    )
    steps = MappingProxyType(draft.state.steps | {name: taken})
    return replace(place.draft, state=replace(place.draft.state, steps=steps))


def _take_items(draft: Draft, name: str, items: ItemsState | None) -> Draft:
    """The items that succeeded, with their outputs, which are kept with this run; the others are to be run."""
    if items is None or not items.succeeded:
        return draft
    anew = ItemsState(items.total, items.digest, items.items_per_pod)
    taken = replace(anew, carried=items.succeeded, succeeded=items.succeeded, outputs=items.outputs)
    return draft.with_step(name, items=taken)
