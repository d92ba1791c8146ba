"""Attempts that are written down and not there."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.model import AttemptId
from tests.support.fan_outs import a_fan_out
from tests.support.plans import Story, a_plan, a_step

OTHER = MappingProxyType({"kind": "script", "runtime": "bash", "source": "echo other"})


def superseded(story: Story, name: str) -> None:
    """The attempt that is written down was never made, and its program is another one by now."""
    story.attempts.clear()
    steps = [replace(step, program=OTHER) if step.name == name else step for step in story.plan.steps.values()]
    story.plan = a_plan(*steps)
    story.look()


def test_a_run_whose_last_attempt_may_not_start_any_more_ends():
    story = Story(a_plan(a_step("a")))
    story.look()
    superseded(story, "a")
    assert story.state.step("a").failure.code == "SUPERSEDED"
    assert story.last.wake_at == story.now
    assert story.look().state.phase == "Failed"


def test_so_does_one_whose_last_batch_may_not():
    story = Story(a_plan(a_fan_out("rows"), a_step("last", "rows")))
    story.look()
    story.fan_out("rows", ["red"])
    assert story.started == [AttemptId("rows", 1, 0)]
    superseded(story, "rows")
    assert story.last.wake_at == story.now
    assert story.look().state.phase == "Failed"
