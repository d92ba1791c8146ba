"""The list that a step is fanned out over."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.commands import Evaluate
from penstock.engine.facts import Value
from penstock.engine.model import AttemptId
from tests.support.fan_outs import a_fan_out, a_story, good, items_of
from tests.support.plans import Story, a_plan, a_step


def test_the_list_is_asked_for_once_the_needs_are_there_and_after_when():
    story = Story(a_plan(a_step("list"), a_fan_out("rows", "list", over="steps.list.output", when="context.go")))
    story.look()
    story.end("list", [1, 2])
    assert [(each.step, each.field) for each in story.last.questions] == [("rows", "when")]
    story.evaluate("rows", "when", value=True)
    (question,) = story.last.questions
    assert (question.field, question.expression) == ("forEach", "steps.list.output")
    assert question.scope["steps"]["list"]["output"] == [1, 2]
    story.fan_out("rows", [1, 2])
    assert story.started[-2:] == [AttemptId("rows", 1, 0), AttemptId("rows", 1, 1)]


@pytest.mark.parametrize(
    ("value", "want_code", "want_words"),
    [
        pytest.param(Value(error="there is no field `rows`"), "EXPRESSION_ERROR", "no field", id="cannot be evaluated"),
        pytest.param(Value("abc"), "ITEMS_INVALID", "`context.rows` is text, not a list", id="text"),
        pytest.param(Value({"a": 1}), "ITEMS_INVALID", "a map", id="a map"),
        pytest.param(Value(None), "ITEMS_INVALID", "null", id="nothing"),
        pytest.param(Value([1, None, 3]), "ITEMS_INVALID", "item 1 of the list is null", id="a null item"),
        pytest.param(Value([0] * 50_001), "TOO_MANY_ITEMS", "50,001 items; 50,000 is the limit", id="too many"),
    ],
)
def test_what_is_no_list_fails_the_step_before_anything_starts(value, want_code, want_words):
    story = Story(a_plan(a_fan_out("rows")))
    story.look()
    story.values["rows", "forEach"] = value
    story.look()
    assert story.state.failure.code == want_code
    assert want_words in story.state.failure.reason
    assert story.started == []


def test_an_empty_list_is_an_empty_output():
    story = a_story(0, a_step("after", "rows"))
    assert story.state.step("rows").output == []
    assert story.phases() == {"rows": "Succeeded", "after": "Starting"}


def test_a_list_that_changed_while_its_items_run_fails_the_step():
    story = a_story(3, max_parallel=1)
    story.values["rows", "forEach"] = Value(["other"] * 3, digest="sha256:other")
    story.end_batch("rows", 0, *good(0))
    assert story.state.failure.code == "SUPERSEDED"
    assert story.started == [AttemptId("rows", 1, 0)]
    assert items_of(story).active == {}


def test_the_list_is_not_asked_for_while_nothing_is_to_start():
    story = a_story(2)
    del story.values["rows", "forEach"]
    story.look()
    assert story.last.commands == ()
    story.end_batch("rows", 0, *good(0))
    assert not any(isinstance(each, Evaluate) for each in story.last.commands)
    story.end_batch("rows", 1, *good(1))
    assert story.state.step("rows").output == [0, 10]


def test_a_changed_program_fails_the_step_instead_of_starting_what_was_not_written_down():
    story = a_story(2)
    story.attempts.clear()
    story.plan = a_plan(a_fan_out("rows", program={"image": "another"}))
    story.state = replace(
        story.state, steps={"rows": replace(story.state.step("rows"), items=items_of(story))}
    )  # died between the write and the starts, and came back with another image
    story.look()
    story.look()
    assert story.state.failure.code == "SUPERSEDED"
