"""Outputs that were kept and are not there any more."""

from __future__ import annotations

from tests.support.plans import Story, a_plan, a_step


def a_story_with_a_lost_output():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b"), a_step("audit", final=True)))
    story.look()
    story.end("a", "x" * 5000)
    story.lost[story.state.step("a").stored.name] = "ConfigMap shop/order-1-0123 is gone"
    return story


def test_a_run_fails_where_an_output_of_its_steps_is_lost():
    story = a_story_with_a_lost_output()
    story.end("b")
    story.end("audit")
    assert (story.state.phase, story.state.failure.code, story.state.failure.step) == ("Failed", "OUTPUT_LOST", "a")
    assert "ConfigMap shop/order-1-0123 is gone" in story.state.failure.reason


def test_nothing_more_starts_but_what_stands_in_finally():
    story = a_story_with_a_lost_output()
    story.end("b")
    story.look()
    assert story.phases() == {"a": "Succeeded", "b": "Succeeded", "c": "Cancelled", "audit": "Starting"}
