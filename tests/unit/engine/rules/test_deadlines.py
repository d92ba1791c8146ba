"""Time that ran out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from penstock.engine.commands import StopAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId, Failure, Retry
from penstock.engine.rules.deadlines import START_ALLOWANCE
from tests.support.plans import Story, a_child, a_plan, a_step, seconds


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


def test_an_attempt_that_never_started_fails_for_what_kept_it():
    story = Story(a_plan(a_step("a", timeout=seconds(10))))
    story.look()
    waits = Failure("UNSCHEDULABLE", "pod is not scheduled: 0/1 nodes are available: insufficient memory")
    story.attempts[AttemptId("a", 1)] = replace(story.attempts[AttemptId("a", 1)], failure=waits)
    story.later(seconds(10))
    assert story.phases() == {"a": "Starting"}
    assert story.state.step("a").message == waits.reason
    story.later(START_ALLOWANCE)
    assert (story.state.failure.code, story.state.failure.step) == ("UNSCHEDULABLE", "a")
    assert story.state.failure.reason.startswith(waits.reason)


def test_a_child_run_past_its_timeout_is_stopped_at_once_for_it_needs_no_pod():
    story = Story(a_plan(a_child("sub", timeout=seconds(10))))
    story.look()
    story.later(seconds(10))
    assert (story.state.phase, story.state.failure.code) == ("Failed", "TIMED_OUT")
    assert any(isinstance(command, StopAttempt) for command in story.last.commands)


def test_a_program_without_a_harness_has_its_timeout_from_the_moment_that_it_started():
    story = Story(a_plan(a_step("a", timeout=seconds(90))))
    story.look()
    story.now += seconds(200)  # its image took long
    fact = story.attempts[AttemptId("a", 1)]
    story.attempts[AttemptId("a", 1)] = replace(fact, phase=AttemptPhase.RUNNING, running_since=story.now)
    story.look()
    assert story.last.wake_at == story.now + seconds(90)
    story.later(seconds(89))
    assert story.phases() == {"a": "Running"}
    story.later(seconds(1))
    assert (story.state.failure.code, story.phases()) == ("TIMED_OUT", {"a": "Failed"})
    assert "its timeout of 90 s" in story.state.failure.reason
    assert any(isinstance(command, StopAttempt) for command in story.last.commands)
