"""Checks of CEL: syntax through the tool that is passed in, and which names an expression may use where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from penstock.api.v1alpha1.expressions import ROOTS, Reference, analyse, corrected, render_path, split_template
from penstock.api.v1alpha1.subject import STAND_IN, Placed, Subject
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.api.v1alpha1.templates import OF_ITEMS, template_texts
from penstock.api.v1alpha1.workflow import Step, WorkflowStep
from penstock.engine.graph import ancestors
from penstock.errors import Problem

_EXAMPLE = "Write CEL, such as `context.order_total > 500.0`."


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an expression stands, and so what it sees."""

    subject: Subject
    path: str
    owner: Placed | None
    """The step whose field it is; None for a field of the Workflow."""
    visible: frozenset[str]
    """Steps whose outcome is fixed there."""
    before: bool = False
    """It is worked out before the run begins: there is nothing but the context."""
    of_item: bool = False
    """It is worked out for each item, where its step is fanned out."""

    @property
    def sees_item(self) -> bool:
        """There is an item."""
        return self.of_item and self.owner is not None and self.owner.step.for_each is not None

    @property
    def run_fields(self) -> tuple[str, ...]:
        """What `run` has there."""
        final = self.owner is not None and self.owner.final
        return ("name", "namespace", "phase", "failedSteps") if final else ("name", "namespace")


def check_expressions(subject: Subject) -> Iterator[Problem]:
    """Every problem of every expression."""
    for placed in subject.steps:
        visible = _visible(subject, placed)
        until = placed.step.wait.until if placed.step.wait is not None else None
        key = placed.step.cache.key if placed.step.cache is not None else None
        whole = (
            ("when", placed.step.when),
            ("forEach", placed.step.for_each),
            ("wait.until", until),
            ("cache.key", key),
        )
        for name, expression in whole:
            if expression is not None:
                yield from _check(_Place(subject, f"{placed.path}.{name}", placed, visible), expression)
        if placed.step.workflow is not None:
            yield from _check_child(subject, placed, placed.step.workflow, visible)
        yield from _check_texts(subject, placed, visible)
        gates = (("approval", placed.step.approval), ("requiresApproval", placed.step.requires_approval))
        for name, gate in gates:
            if gate is not None and "{{" in gate.message:
                place = _Place(subject, f"{placed.path}.{name}.message", placed, visible)
                yield from _check_template(place, gate.message)
    limits = subject.spec.concurrency
    if limits is not None and limits.key is not None:
        place = _Place(subject, f"{subject.root}.concurrency.key", None, frozenset(), before=True)
        yield from _check(place, limits.key)
    if subject.spec.outputs.from_ is not None:
        every = frozenset(subject.needs)
        place = _Place(subject, f"{subject.root}.outputs.from", None, every)
        yield from _check(place, subject.spec.outputs.from_)


def _check_child(subject: Subject, placed: Placed, child: WorkflowStep, visible: frozenset[str]) -> Iterator[Problem]:
    path = f"{placed.path}.workflow"
    if child.spec_from is not None:
        yield from _check(_Place(subject, f"{path}.specFrom", placed, visible, of_item=True), child.spec_from)
    for where, text in template_texts(child.context):
        place = _Place(subject, f"{path}.context{where}", placed, visible, of_item=True)
        yield from _check_template(place, text)


def _check_texts(subject: Subject, placed: Placed, visible: frozenset[str]) -> Iterator[Problem]:
    """Arguments and variables, which are text with CEL in braces."""
    texts = {f"env[{index}].value": variable.value for index, variable in enumerate(placed.step.env)}
    if placed.step.container is not None:
        texts |= {f"container.args[{index}]": text for index, text in enumerate(placed.step.container.args)}
    texts |= dict(_call_texts(placed.step))
    for field, text in texts.items():
        if "{{" in text:
            place = _Place(subject, f"{placed.path}.{field}", placed, visible, of_item=True)
            yield from _check_template(place, text)


def _call_texts(step: Step) -> Iterator[tuple[str, str]]:
    """Texts of what a step calls. Not the statement of a database, which no value may get into."""
    if step.http is not None:
        for where, text in template_texts(step.http.model_dump(mode="json", by_alias=True)):
            yield f"http{where}", text
    if step.sql is not None:
        for where, text in template_texts(dict(step.sql.parameters)):
            yield f"sql.parameters{where}", text
    if step.llm is not None:
        for where, text in template_texts(dict(step.llm.data)):
            yield f"llm.data{where}", text


def _visible(subject: Subject, placed: Placed) -> frozenset[str]:
    if placed.final:
        return frozenset(subject.needs) - {placed.step.name}
    return ancestors(subject.needs, placed.step.name) - {placed.step.name}


def _check_template(place: _Place, text: str) -> Iterator[Problem]:
    try:
        pieces = split_template(text)
    except ValueError as error:
        yield Problem(place.path, f"The text cannot be read: {error}.", "Close the expression with `}}`.")
        return
    for piece in pieces:
        if piece.is_expression and not piece.text:
            yield Problem(place.path, "The braces are empty.", "Write CEL between `{{` and `}}`, or remove both.")
        elif piece.is_expression:
            yield from _check(place, piece.text)


def _check(place: _Place, expression: str) -> Iterator[Problem]:
    better = corrected(expression)
    tool = place.subject.tools.check_expression
    wrong = analyse(expression).too_large or (tool(expression) if tool else None)
    if better:
        yield Problem(place.path, f"`{expression}` is not CEL.", f"Write `{better}`.")
    elif wrong:
        yield Problem(place.path, f"`{expression}` cannot be evaluated. {wrong}", _EXAMPLE)
    seen = set()
    for reference in analyse(better or expression).references:
        if reference.path not in seen:
            seen.add(reference.path)
            yield from _check_reference(place, reference)


def _check_reference(place: _Place, reference: Reference) -> Iterator[Problem]:
    root = reference.path[0]
    if place.before and root in ("steps", "run"):
        message = f"`{render_path(reference.path)}`: this is worked out before the run begins, from `context` alone."
        yield Problem(place.path, message, "Write it with `context`, such as `context.customer_id`.")
    elif root == "steps":
        yield from _check_step(place, reference)
    elif root == "context":
        yield from _check_context(place, reference)
    elif root == "run":
        yield from _check_run(place, reference)
    elif not (root in OF_ITEMS and place.sees_item):
        yield _unknown_root(place, str(root))


def _unknown_root(place: _Place, root: str) -> Problem:
    message = f"`{root}` is not known here; an expression sees `context`, `steps` and `run`."
    if root in OF_ITEMS and place.owner is not None and place.owner.step.for_each is not None:
        message = f"`{root}` is not known here; this is worked out once for the step, before there are items."
        return Problem(
            place.path, message, f"Use `{root}` in the step's script, or in `args`, `env`, `context` or what it calls."
        )
    if root in OF_ITEMS and place.of_item:
        message = f"`{root}` is not known here; the step does not run once for each item of a list."
        return Problem(place.path, message, "Add `forEach: <a list>` to the step.")
    if place.subject.fields and root in place.subject.fields:
        fix = f"Write `context.{root}`."
    elif root in place.subject.needs:
        fix = f"Write `steps.{root}.output`."
    elif root.startswith("context_"):
        fix = f"Write `context.{root.removeprefix('context_')}`; only in a script it is `{root}`."
    elif near := closest(root, ROOTS):
        fix = f"Write `{near}`."
    else:
        fix = f'Write `context.{root}` for a value that the run was started with, or `"{root}"` for text.'
    return Problem(place.path, message, fix)


def _check_step(place: _Place, reference: Reference) -> Iterator[Problem]:
    name = reference.path[1] if len(reference.path) > 1 else None
    if not isinstance(name, str) or STAND_IN in name:
        return
    if name not in place.subject.needs:
        near = closest(name, place.subject.names)
        fix = f"Write `steps.{near}`." if near else f"The steps are {listed(place.subject.names)}."
        yield Problem(place.path, f"`steps.{name}`: there is no step `{name}`.", fix)
    elif name not in place.visible:
        yield _not_visible(place, name)
    elif len(reference.path) > 2 and reference.path[2] not in ("output", "phase"):
        written = render_path(reference.path)
        rest = render_path(("x", *reference.path[2:]))[1:]
        message = f"`{written}`: a step has `output` and `phase`, nothing else."
        yield Problem(place.path, message, f"Write `steps.{name}.output{rest}`.")


def _not_visible(place: _Place, name: str) -> Problem:
    owner, other = place.owner, place.subject.by_name[name]
    assert owner is not None
    if name == owner.step.name:
        message = f"`steps.{name}`: a step has no outcome before it has run, so it cannot use its own."
        return Problem(place.path, message, "Use `context` or a step that this one needs.")
    if other.final:
        message = f"`steps.{name}`: `{name}` is a step of `finally`, which starts after this one."
        return Problem(place.path, message, "Use `context` or a step that this one needs.")
    message = f"`steps.{name}`: `{owner.step.name}` does not need `{name}`, so its outcome may not be there yet."
    return Problem(place.path, message, f"Add `{name}` to `needs` of `{owner.step.name}`.")


def _check_context(place: _Place, reference: Reference) -> Iterator[Problem]:
    fields = place.subject.fields
    if fields is None or len(reference.path) < 2 or reference.path[1] in fields:
        return
    name = str(reference.path[1])
    near = closest(name, fields)
    fix = f"Write `context.{near}`." if near else f"Add `{name}` to `{place.subject.root}.inputs.properties`."
    yield Problem(place.path, f"`context.{name}`: the inputs have no property `{name}`.", fix)


def _check_run(place: _Place, reference: Reference) -> Iterator[Problem]:
    if len(reference.path) < 2 or reference.path[1] in place.run_fields:
        return
    name = str(reference.path[1])
    if name in ("phase", "failedSteps"):
        message, fix = f"`run.{name}` is fixed only for the steps of `finally`.", f"Remove `run.{name}` here."
    else:
        message, fix = f"`run` has no field `{name}`.", f"It has {listed(place.run_fields)}."
    yield Problem(place.path, message, fix)
