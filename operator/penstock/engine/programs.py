"""What a step's program is in this run: its plan's, with what depends on the run filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from penstock.engine.calls import connected, settled
from penstock.engine.commands import FindConnection, FindRevision
from penstock.engine.digests import canonical
from penstock.engine.draft import Draft
from penstock.engine.failures import FailureCode
from penstock.engine.model import Failure, StepKind, StepPlan
from penstock.engine.secret_references import plain_variables

MAX_TEXT = 131_000
"""Bytes of one argument or variable; Linux gives a program none that is longer than 128 KiB."""
MAX_TEXTS = 524_288
"""Bytes of all arguments and variables of a step together: they travel in its Job."""


@dataclass(frozen=True, slots=True)
class Program:
    """A program in the making."""

    draft: Draft
    """With questions, where something is still unknown."""
    content: Mapping[str, Any] | None = None
    """None while something is unknown, or where it cannot be made."""
    failure: Failure | None = None
    """Why it cannot be made."""


def program_of(draft: Draft, step: StepPlan) -> Program:
    """The program that an attempt started now would run; of a fanned-out step what its items have in common."""
    content = dict(step.program)
    filled = _filled(draft, step, step.templates, content)
    if filled.failure is not None:
        return filled
    asked, failure = _looked_up(filled.draft, step, content)
    if failure is not None:
        return Program(draft, failure=failure)
    return Program(asked) if asked is not draft else _finished(draft, step, content)


def program_of_item(draft: Draft, step: StepPlan, common: Mapping[str, Any], index: int, item: Any) -> Program:
    """The program of one item of a fanned-out step: what they have in common, and what depends on the item."""
    assert step.fan_out is not None
    if not step.fan_out.templates:
        return Program(draft, common)
    content = dict(common)
    scope = {"item": item, "itemIndex": index}
    filled = _filled(draft, step, step.fan_out.templates, content, (f"[{index}]", scope))
    return (
        filled
        if filled.failure is not None or filled.draft is not draft
        else _finished(draft, step, content, for_item=True)
    )


def program_of_batch(draft: Draft, step: StepPlan, common: Mapping[str, Any], items: Mapping[int, Any]) -> Program:
    """The program of several items' calls, which one pod makes one after the other; `items` are by index.

    An item for which there can be no call fails by itself, where its turn comes: the others are none the worse for it.
    """
    assert step.fan_out is not None
    if step.fan_out.items_per_pod == 1 or not step.fan_out.templates:
        [(index, item)] = list(items.items())[:1]
        return program_of_item(draft, step, common, index, item)
    asked, calls = draft, {}
    for index, item in items.items():
        made = program_of_item(asked, step, common, index, item)
        asked = made.draft
        if made.failure is not None:
            calls[str(index)] = {"refused": made.failure.reason}
        elif made.content is not None:
            calls[str(index)] = made.content["call"]
    content = {**common, "call": {"kind": common["call"]["kind"], "items": calls}}
    return Program(asked) if asked is not draft else Program(draft, content)


def _filled(
    draft: Draft,
    step: StepPlan,
    templates: Mapping[str, Any],
    content: dict[str, Any],
    of_item: tuple[str, Mapping[str, Any]] = ("", MappingProxyType({})),
) -> Program:
    """Put what templates came to into `content`; what is unknown of them is asked for."""
    asked, (place, more) = draft, of_item
    for field, data in templates.items():
        name = f"program.{field}{place}"
        value = draft.value(step.name, name)
        if value is None:
            asked = asked.fill(step, name, data, more)
        elif value.error is not None:
            return Program(draft, failure=Failure(FailureCode.EXPRESSION_ERROR, f"{field}: {value.error}", step.name))
        else:
            content[field] = value.value
    return Program(asked)


def _finished(draft: Draft, step: StepPlan, content: dict[str, Any], *, for_item: bool = False) -> Program:
    content = _as_texts(content)
    of_each_item = step.fan_out is not None and "call" in step.fan_out.templates
    if "connection" in content and (for_item or not of_each_item):
        content, refused = settled(content, step.name)
        if refused is not None:
            return Program(draft, failure=refused)
    failure = _too_long(step, content)
    return Program(draft, failure=failure) if failure else Program(draft, content)


def _as_texts(content: dict[str, Any]) -> dict[str, Any]:
    """The program with arguments and variables as the texts that a program can be given, whatever they came to."""
    if "args" in content:
        content["args"] = [_text(word) for word in content["args"]]
    if "env" in content:
        content["env"] = [
            {**variable, "value": _text(variable["value"])} if "value" in variable else variable
            for variable in content["env"]
        ]
    return content


def _text(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _too_long(step: StepPlan, content: Mapping[str, Any]) -> Failure | None:
    texts = {f"args[{number}]": word for number, word in enumerate(content.get("args", ()))}
    texts |= {f"env.{variable['name']}": variable["value"] for variable in plain_variables(content)}
    sizes = {field: len(text.encode("utf-8", "surrogatepass")) for field, text in texts.items()}
    field, size = max(sizes.items(), key=lambda each: each[1], default=("", 0))
    if size > MAX_TEXT:
        reason = f"{field} has {size:,} bytes; {MAX_TEXT:,} is the limit for what a program is given directly"
    elif sum(sizes.values()) > MAX_TEXTS:
        reason = f"arguments and variables have {sum(sizes.values()):,} bytes together; {MAX_TEXTS:,} is the limit"
    else:
        return None
    return Failure(FailureCode.INPUT_INVALID, f"{reason}. Pass the address of large data instead", step.name)


def _looked_up(draft: Draft, step: StepPlan, content: dict[str, Any]) -> tuple[Draft, Failure | None]:
    """What of the program stands in other objects of the namespace, as it is now."""
    name = content.get("connection")
    if not isinstance(name, str):
        return _pin(draft, step, content)
    value = draft.value(step.name, "program.connection")
    if value is None:
        return draft.emit(FindConnection(step.name, "program.connection", name)), None
    if value.error is not None:
        return draft, Failure(FailureCode.CONNECTION_MISSING, value.error, step.name)
    content.update(connected(content, value.value, draft.facts.run))
    return draft, None


def _pin(draft: Draft, step: StepPlan, content: dict[str, Any]) -> tuple[Draft, Failure | None]:
    """A gate in front of a child run binds the very content that will run, so it is looked up before people are asked.

    Without a gate the child takes the content that its Workflow has when it starts, like any other run.
    """
    if step.kind is not StepKind.WORKFLOW or step.gate is None or "name" not in content or "revision" in content:
        return draft, None
    value = draft.value(step.name, "program.revision")
    if value is None:
        return draft.emit(FindRevision(step.name, "program.revision", content["name"])), None
    if value.error is not None:
        return draft, Failure(FailureCode.WORKFLOW_NOT_FOUND, value.error, step.name)
    content["revision"] = value.value
    return draft, None
