"""Which steps go on, and which are left out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.commands import StartAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId, OnFailure, Retry, StepPhase
from penstock.engine.rules.deadlines import START_ALLOWANCE
from tests.support.plans import Story, a_plan, a_step, seconds


def test_a_step_starts_once_all_its_needs_succeeded():
    story = Story(a_plan(a_step("a"), a_step("b"), a_step("c", "a", "b")))
    story.look()
    assert story.started == [AttemptId("a", 1), AttemptId("b", 1)]
    story.end("a")
    assert AttemptId("c", 1) not in story.started
    story.end("b")
    assert story.started[-1] == AttemptId("c", 1)


def test_outputs_of_the_steps_before_are_in_the_input_document():
    story = Story(a_plan(a_step("a"), a_step("other"), a_step("b", "a")))
    story.look()
    story.end("a", {"id": 7})
    (start,) = [command for command in story.last.commands if isinstance(command, StartAttempt)]
    assert start.document["steps"] == {"a": {"phase": "Succeeded", "output": {"id": 7}}}
    assert start.document["context"] == {"total": 700}


def test_a_false_when_skips_the_step_and_its_dependents_go_on():
    story = Story(a_plan(a_step("a"), a_step("b", "a", when="context.total > 1000"), a_step("c", "b")))
    story.look()
    story.end("a")
    (question,) = story.last.questions
    assert (question.step, question.expression, question.scope["context"]) == (
        "b",
        "context.total > 1000",
        {"total": 700},
    )
    story.evaluate("b", "when", value=False)
    assert story.phases() == {"a": "Succeeded", "b": "Skipped", "c": "Starting"}


@pytest.mark.parametrize(
    ("value", "error", "want_reason"),
    [
        pytest.param(None, "no such key: x", "when: no such key: x", id="the expression fails"),
        pytest.param("yes", None, "is 'yes', not true or false", id="the value is no boolean"),
    ],
)
def test_a_when_that_is_no_truth_value_fails_the_step(value, error, want_reason):
    story = Story(a_plan(a_step("a", when="context.x")))
    story.look()
    story.evaluate("a", "when", value, error)
    assert story.phases() == {"a": "Failed"}
    assert want_reason in story.state.failure.reason
    assert story.started == []


def test_a_failed_need_skips_all_that_follow_but_not_other_branches():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b"), a_step("side")))
    story.look()
    story.end("a", code="BROKEN")
    assert story.phases() == {"a": "Failed", "b": "Skipped", "c": "Skipped", "side": "Starting"}
    assert "needs a" in story.state.step("b").failure.reason
    story.end("side")
    assert story.state.phase == "Failed"
    assert story.state.failure.code == "BROKEN"


def test_a_failure_that_may_happen_lets_dependents_go_on_and_the_run_succeed():
    story = Story(a_plan(a_step("a", on_failure=OnFailure.CONTINUE), a_step("b", "a")))
    story.look()
    story.end("a", code="BROKEN")
    story.end("b", "done")
    assert story.state.phase == "Succeeded"
    assert story.state.output == "done"


def test_finally_starts_after_everything_else_and_sees_how_the_run_stands():
    story = Story(a_plan(a_step("a"), a_step("b"), a_step("audit", final=True)))
    story.look()
    story.end("a", code="BROKEN")
    assert AttemptId("audit", 1) not in story.started
    story.end("b")
    (start,) = [command for command in story.last.commands if isinstance(command, StartAttempt)]
    assert start.document["run"] == {"name": "order-1", "namespace": "shop", "phase": "Failed", "failedSteps": ["a"]}
    story.end("audit")
    assert story.state.phase == "Failed"


def test_finally_waits_for_an_earlier_attempt_that_is_still_being_stopped():
    retry = Retry(limit=1, initial=seconds(0))
    story = Story(a_plan(a_step("a", retry=retry, timeout=seconds(5)), a_step("audit", final=True)))
    story.look()
    story.later(START_ALLOWANCE + seconds(5))
    story.end("a")
    assert story.started == [AttemptId("a", 1), AttemptId("a", 2)]
    hung = AttemptId("a", 1)
    story.attempts[hung] = replace(story.attempts[hung], phase=AttemptPhase.FAILED)
    story.look()
    assert story.started[2:] == [AttemptId("audit", 1)]


def test_a_skipped_diamond_of_many_layers_is_settled_at_once():
    layers = [a_step("a0"), a_step("b0")]
    for number in range(1, 90):
        needs = (f"a{number - 1}", f"b{number - 1}")
        layers += [a_step(f"a{number}", *needs), a_step(f"b{number}", *needs)]
    story = Story(a_plan(*layers))
    story.look()
    story.end("a0", code="BROKEN")
    story.end("b0")
    assert {state.phase for name, state in story.state.steps.items() if name not in ("a0", "b0")} == {StepPhase.SKIPPED}
