"""Runs that somebody holds."""

from __future__ import annotations

from penstock.engine.model import AttemptId, Retry, RunPhase
from tests.support.plans import Story, a_gate, a_plan, a_step, a_wait, seconds


def test_what_runs_goes_on_and_nothing_more_starts_until_the_run_goes_on():
    story = Story(a_plan(a_step("a"), a_step("b", "a")))
    story.look()
    story.suspend()
    assert story.state.phase is RunPhase.RUNNING
    story.end("a", {"id": 7})
    assert story.started == [AttemptId("a", 1)]
    assert story.state.phase is RunPhase.WAITING
    story.suspend(False)
    assert story.started == [AttemptId("a", 1), AttemptId("b", 1)]
    assert story.state.phase is RunPhase.RUNNING


def test_a_run_that_is_created_held_starts_nothing():
    story = Story(a_plan(a_step("a")))
    story.suspend()
    assert story.started == []
    assert (story.state.phase, story.state.suspended) == (RunPhase.WAITING, True)


def test_nobody_is_asked_while_the_run_is_held():
    story = Story(a_plan(a_step("a"), a_gate("release", "a")))
    story.look()
    story.suspend()
    story.end("a")
    assert story.gates == {}
    story.suspend(False)
    assert len(story.gates) == 1


def test_a_vote_that_comes_while_the_run_is_held_counts_when_it_goes_on():
    story = Story(a_plan(a_gate("release"), a_step("ship", "release")))
    story.look()
    story.suspend()
    story.vote("release", "alice")
    assert story.started == []
    story.suspend(False)
    assert story.started == [AttemptId("ship", 1)]


def test_a_retry_waits_for_the_run_to_go_on():
    story = Story(a_plan(a_step("a", retry=Retry(limit=1, initial=seconds(5)))))
    story.look()
    story.end("a", code="BROKEN")
    story.suspend()
    decided = story.later(seconds(60))
    assert story.started == [AttemptId("a", 1)]
    assert decided.wake_at is None
    story.suspend(False)
    assert story.started == [AttemptId("a", 1), AttemptId("a", 2)]


def test_a_wait_may_end_while_the_run_is_held():
    story = Story(a_plan(a_wait("cool", duration=seconds(60)), a_step("go", "cool")))
    story.look()
    story.suspend()
    story.later(seconds(60))
    assert story.phases() == {"cool": "Succeeded", "go": "Pending"}


def test_a_held_run_can_be_cancelled_and_its_finally_runs():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), a_step("tidy", final=True)))
    story.look()
    story.suspend()
    story.end("a")
    story.cancel()
    assert story.started == [AttemptId("a", 1), AttemptId("tidy", 1)]
    story.end("tidy")
    assert (story.state.phase, story.state.suspended) == (RunPhase.CANCELLED, False)


def test_the_time_limit_of_a_held_run_goes_on():
    story = Story(a_plan(a_step("a"), timeout=seconds(100)))
    story.suspend()
    story.later(seconds(100))
    assert story.state.phase is RunPhase.TIMED_OUT
