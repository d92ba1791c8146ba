"""Short words for stories of fanned-out steps."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from penstock.engine.facts import ItemResult, Value
from penstock.engine.fan_out import FanOut, ItemsState
from penstock.engine.model import Failure, StepKind, StepPlan
from tests.support.plans import Story, a_plan, a_step


def a_fan_out(name: str, *needs: str, over: str = "context.rows", **fields: Any) -> StepPlan:
    """A step that is fanned out; fields of its FanOut, or of the step where that has none such."""
    of_fan_out = {
        key: fields.pop(key) for key in list(fields) if key in FanOut.__dataclass_fields__ and key != "templates"
    }
    templates = fields.pop("templates", {})
    kind = fields.pop("kind", StepKind.SCRIPT)
    return replace(a_step(name, *needs, fan_out=FanOut(over, templates=templates, **of_fan_out), **fields), kind=kind)


def a_story(count: int, *more: StepPlan, **fields: Any) -> Story:
    """A run with the step `rows` over `count` items, begun, and further steps."""
    story = Story(a_plan(a_fan_out("rows", **fields), *more))
    story.look()
    story.fan_out("rows", [f"row {index}" for index in range(count)])
    return story


def containers(count: int, *more: StepPlan, **fields: Any) -> Story:
    """The same of a `container` step, whose one argument depends on the item; it has been answered for none yet."""
    program = MappingProxyType({"kind": "container", "image": "tool", "args": ["{{ item }}"], "env": []})
    fields = {"kind": StepKind.CONTAINER, "program": program, "templates": {"args": ["{{ item }}"]}} | fields
    return a_story(count, *more, **fields)


def argument(story: Story, index: int, value: Any = None, error: str | None = None, step: str = "rows") -> None:
    """What the argument of one item comes to."""
    story.values[step, f"program.args[{index}]"] = Value([value], error)


def items_of(story: Story, step: str = "rows") -> ItemsState:
    items = story.state.step(step).items
    assert items is not None
    return items


def good(*indices: int) -> tuple[ItemResult, ...]:
    return tuple(ItemResult(index, output=index * 10) for index in indices)


def bad(*indices: int, code: str = "NO_STOCK") -> tuple[ItemResult, ...]:
    return tuple(ItemResult(index, failure=Failure(code, f"row {index} is sold out")) for index in indices)
