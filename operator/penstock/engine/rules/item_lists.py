"""The list that a step is fanned out over: asked for when it is needed, refused where it is none, fixed once begun."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from penstock.engine.commands import Evaluate
from penstock.engine.draft import Draft
from penstock.engine.facts import Value
from penstock.engine.failures import FailureCode
from penstock.engine.fan_out import MAX_ITEMS, ItemsState
from penstock.engine.model import Failure, StepPhase, StepPlan
from penstock.engine.rules.retries import fail_step


@dataclass(frozen=True, slots=True)
class KnownList:
    """What asking for a step's list came to."""

    draft: Draft
    items: tuple[Any, ...] | list[Any] | None = None
    """None while it is asked for, and where the step failed for want of it."""


def list_of(draft: Draft, step: StepPlan) -> KnownList:
    """The step's list. One that is not what the step began with fails it, for its items stand for others by now."""
    assert step.fan_out is not None
    value = draft.value(step.name, "forEach")
    if value is None:
        asked = any(isinstance(each, Evaluate) and each.step == step.name for each in draft.commands)
        return KnownList(draft if asked else draft.ask(step, "forEach", step.fan_out.over))
    state = draft.step(step.name).items
    if state is not None and draft.step(step.name).phase is StepPhase.PENDING and _other(state, value) is not None:
        state = None  # it was taken over, and its items stand for others now
    failure = _unfit(step.fan_out.over, value) if state is None else _other(state, value)
    if failure is not None:
        return KnownList(fail_items(draft, step, failure))
    if state is None:
        state = ItemsState(len(value.value), value.digest or "", step.fan_out.items_per_pod)
        draft = draft.with_step(step.name, items=state)
    return KnownList(draft, value.value)


def fail_items(draft: Draft, step: StepPlan, failure: Failure) -> Draft:
    """The step failed for good; nothing of it is awaited any more."""
    return fail_step(close_items(draft, step), step, replace(failure, step=step.name))


def close_items(draft: Draft, step: StepPlan) -> Draft:
    """No batch of the step is awaited any more; what ended stays told."""
    items = draft.step(step.name).items
    if items is None or not items.active:
        return draft
    return draft.with_step(step.name, items=replace(items, active=MappingProxyType({})))


def _other(begun: ItemsState, value: Value) -> Failure | None:
    # Equal digests mean an equal list, which was found fit then: it is not looked through in each pass.
    if value.error is None and value.digest == begun.digest:
        return None
    return Failure(FailureCode.SUPERSEDED, "forEach: the list is not the one that the step began with any more")


def _unfit(over: str, found: Value) -> Failure | None:
    if found.error is not None:
        return Failure(FailureCode.EXPRESSION_ERROR, f"forEach: {found.error}")
    value = found.value
    if not isinstance(value, list | tuple):
        return Failure(FailureCode.ITEMS_INVALID, f"forEach: `{over}` is {_kind(value)}, not a list")
    if len(value) > MAX_ITEMS:
        reason = f"forEach: the list has {len(value):,} items; {MAX_ITEMS:,} is the limit. "
        advice = "Give each item more to do, or split the list over several steps"
        return Failure(FailureCode.TOO_MANY_ITEMS, f"{reason}{advice}")
    if None in value:
        reason = f"forEach: item {list(value).index(None)} of the list is null, which stands for no item at all"
        return Failure(FailureCode.ITEMS_INVALID, f"{reason}. Leave it out of the list")
    return None


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    return "text" if isinstance(value, str) else "a map"
