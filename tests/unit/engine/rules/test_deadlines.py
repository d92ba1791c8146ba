"""Time that ran out."""

from __future__ import annotations

from datetime import timedelta

from penstock.engine.commands import StopAttempt
from penstock.engine.model import AttemptId, Retry
from penstock.engine.rules.deadlines import START_ALLOWANCE
from tests.support.plans import Story, a_plan, a_step, seconds


def test_a_run_past_its_timeout_is_stopped_and_ends_timed_out():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), timeout=seconds(60)))
    story.look()
    assert story.last.wake_at == story.now + seconds(60)
    story.later(seconds(60))
    assert story.phases() == {"a": "Cancelled", "b": "Cancelled"}
    assert (story.state.phase, story.state.failure.code) == ("TimedOut", "RUN_TIMED_OUT")
    assert any(isinstance(command, StopAttempt) for command in story.last.commands)


def test_an_attempt_without_a_result_long_after_its_timeout_fails_is_stopped_and_tried_again():
    retry = Retry(limit=1, initial=timedelta(0))
    story = Story(a_plan(a_step("a", timeout=seconds(10), retry=retry)))
    story.look()
    story.later(seconds(10))
    assert story.phases() == {"a": "Running"} or story.phases() == {"a": "Starting"}
    story.later(START_ALLOWANCE)
    assert story.state.step("a").attempt == 2
    assert StopAttempt(AttemptId("a", 1), story.last.commands[-1].name) in story.last.commands


def test_a_result_in_the_moment_of_the_timeout_counts():
    story = Story(a_plan(a_step("a"), timeout=seconds(60)))
    story.look()
    story.now += seconds(59)
    story.end("a", "done")
    assert story.state.phase == "Succeeded"
