"""Checks of steps that run once for each item of a list; the expression itself is checked with all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from penstock.api.v1alpha1.checks_steps import kinds_of
from penstock.api.v1alpha1.expressions import Path, analyse
from penstock.api.v1alpha1.subject import Binding, Placed, Subject
from penstock.api.v1alpha1.templates import names_item
from penstock.errors import Problem

_ABOUT_ITEMS = {"max_parallel": "maxParallel", "items_per_pod": "itemsPerPod", "item_failures": "itemFailures"}


def list_sources(over: str) -> tuple[Path, ...]:
    """What a `forEach` reads: where the lists are of which each program gets its own item alone."""
    return tuple(dict.fromkeys(reference.path for reference in analyse(over).references))


def check_items(subject: Subject, bindings: Mapping[str, Binding]) -> Iterator[Problem]:
    """Every problem of fanned-out steps."""
    for placed in subject.steps:
        if placed.step.for_each is None:
            yield from _without_items(placed)
            continue
        yield from _beside_items(placed)
        if placed.path in bindings:
            yield from _whole_list(placed, bindings[placed.path])


def _without_items(placed: Placed) -> Iterator[Problem]:
    for name, field in _ABOUT_ITEMS.items():
        if name in placed.step.model_fields_set:
            yield Problem(
                f"{placed.path}.{field}",
                f"`{field}` is about the items of `forEach`, and step `{placed.step.name}` has none.",
                f"Add `forEach: <a list>`, or remove `{field}`.",
            )


def _beside_items(placed: Placed) -> Iterator[Problem]:
    step = placed.step
    if step.approval is not None or step.wait is not None or not kinds_of(step):
        yield Problem(
            f"{placed.path}.forEach",
            "Only what runs a program or a Workflow can run once for each item of a list.",
            "Remove `forEach`; for one gate over all items write `requiresApproval` in the step that has them.",
        )
    if step.items_per_pod > 1:
        yield from _several_in_one(placed)
    if step.requires_approval is not None and step.requires_approval.each_attempt:
        yield Problem(
            f"{placed.path}.requiresApproval.eachAttempt",
            "A gate in front of a step with `forEach` is one for all items, which are tried again one by one.",
            "Remove `eachAttempt`.",
        )


def _several_in_one(placed: Placed) -> Iterator[Problem]:
    """What cannot be of one item alone where a pod runs several."""
    step = placed.step
    if step.script is None and step.http is None and step.sql is None:
        kind = next(iter(kinds_of(step)), "step")
        yield Problem(
            f"{placed.path}.itemsPerPod",
            f"Only `script`, `http` and `sql` have several in one pod; of a `{kind}` each item starts one of its own.",
            "Remove `itemsPerPod`; `maxParallel` says how many are under way at the same time.",
        )
        return
    for index, variable in enumerate(step.env):
        if names_item(variable.value):
            yield Problem(
                f"{placed.path}.env[{index}].value",
                f"A pod has one environment, and with `itemsPerPod: {step.items_per_pod}` it runs several items.",
                "Read `item` in the script, or remove `itemsPerPod`.",
            )


def _whole_list(placed: Placed, binding: Binding) -> Iterator[Problem]:
    """The list itself is not given to the programs: each pod would carry all of it."""
    assert placed.step.for_each is not None
    lists = {path[1] for path in list_sources(placed.step.for_each) if len(path) == 2 and path[0] == "context"}
    for name in sorted(lists & binding.used):
        yield Problem(
            f"{placed.path}.script.source",
            f"`{{{{context_{name}}}}}` is what the step is fanned out over; its program gets one item of it, not all.",
            "Read the item, which is called `item` in the script; do what needs the whole list in a step of its own.",
        )
