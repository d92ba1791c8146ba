"""Programs whose arguments and variables are filled in before they run."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.engine.commands import AskGate, Fill, StartAttempt
from penstock.engine.model import Retry, StepKind, StepPlan
from tests.support.plans import GATE, Story, a_plan, a_step

ARGS = ["--order", "{{ context.order }}"]
ENV = [{"name": "REGION", "value": "eu"}, {"name": "WHO", "value": "{{ context.who }}"}]
PROGRAM = {"kind": "container", "image": "tool@sha256:" + "1" * 64, "args": ARGS, "env": ENV}


def a_container(*needs, **fields):
    return StepPlan(
        "a", StepKind.CONTAINER, needs=needs, program=PROGRAM, templates={"args": ARGS, "env": ENV}, **fields
    )


def filled(story, order="ORD-1", who="bob"):
    story.evaluate("a", "program.args", ["--order", order])
    return story.evaluate("a", "program.env", [ENV[0], {"name": "WHO", "value": who}])


def started(story):
    return next(command for command in story.last.commands if isinstance(command, StartAttempt))


def test_texts_are_filled_in_before_anything_is_written_down():
    story = Story(a_plan(a_container()))
    asked = [(question.field, question.data) for question in story.look().questions if isinstance(question, Fill)]
    assert asked == [("program.args", ARGS), ("program.env", ENV)]
    assert story.phases() == {}
    filled(story)
    assert story.phases() == {"a": "Starting"}


def test_what_runs_is_what_came_of_them():
    story = Story(a_plan(a_container()))
    filled(story)
    program = started(story).program
    assert program["args"] == ["--order", "ORD-1"]
    assert program["env"] == [{"name": "REGION", "value": "eu"}, {"name": "WHO", "value": "bob"}]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (99.5, "99.5"), (True, "true"), (None, "null"), ({"b": 1, "a": ["ä"]}, '{"a":["ä"],"b":1}')],
)
def test_what_is_no_text_goes_in_as_json(value, text):
    story = Story(a_plan(a_container()))
    filled(story, order=value, who=value)
    assert started(story).program["args"][1] == text
    assert started(story).program["env"][1]["value"] == text


def test_another_value_is_another_attempt():
    digests = set()
    for order in ("ORD-1", "ORD-2"):
        story = Story(a_plan(a_container()))
        filled(story, order=order)
        digests.add(story.state.step("a").digest)
    assert len(digests) == 2


def test_an_attempt_that_was_not_seen_is_started_again_with_the_same_program():
    story = Story(a_plan(a_container()))
    filled(story)
    first = started(story)
    story.attempts.clear()
    story.look()
    assert started(story) == first


def test_a_text_that_cannot_be_filled_fails_the_step():
    story = Story(a_plan(a_container()))
    story.evaluate("a", "program.args", error="[1]: there is no `order`")
    assert story.state.failure.code == "EXPRESSION_ERROR"
    assert "there is no `order`" in story.state.failure.reason


@pytest.mark.parametrize("size", [131_001, 131_072])
def test_a_text_that_no_program_can_be_given_fails_the_step(size):
    story = Story(a_plan(a_container()))
    filled(story, order="x" * size)
    assert story.state.failure.code == "INPUT_INVALID"
    assert f"args[1] has {size:,} bytes; 131,000 is the limit" in story.state.failure.reason


def test_texts_that_are_too_much_together_fail_the_step():
    story = Story(a_plan(a_container()))
    story.evaluate("a", "program.args", ["x" * 110_000] * 5)
    story.evaluate("a", "program.env", [ENV[0], {"name": "WHO", "value": "bob"}])
    assert story.state.failure.code == "INPUT_INVALID"
    assert "550,005 bytes together" in story.state.failure.reason


def test_people_are_shown_what_will_run_and_not_how_it_was_written():
    story = Story(a_plan(a_container(gate=GATE)))
    filled(story)
    asked = next(command for command in story.last.commands if isinstance(command, AskGate))
    assert asked.subject["program"]["args"] == ["--order", "ORD-1"]
    story.vote("a", "alice")
    assert started(story).program["args"] == ["--order", "ORD-1"]


def test_variables_of_a_script_are_filled_in_too():
    who = [{"name": "WHO", "value": "{{ run.name }}"}]
    program = {"kind": "script", "runtime": "bash", "source": "env", "env": who}
    story = Story(a_plan(a_step("a", program=program, templates={"env": who})))
    story.look()
    story.evaluate("a", "program.env", [{"name": "WHO", "value": "order-1"}])
    assert started(story).program["env"] == [{"name": "WHO", "value": "order-1"}]
    assert started(story).program["source"] == "env"


def test_a_retry_starts_with_what_was_filled_in():
    story = Story(a_plan(a_container(retry=Retry(limit=1))))
    filled(story)
    story.end("a", code="BROKEN")
    story.later(timedelta(seconds=1))
    assert started(story).id.attempt == 2
    assert started(story).program["args"] == ["--order", "ORD-1"]
