"""Cancelling."""

from __future__ import annotations

from penstock.engine.commands import StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.model import AttemptId, Failure
from tests.support.plans import Story, a_gate, a_plan, a_step


def stops(story):
    return [command.id for command in story.last.commands if isinstance(command, StopAttempt)]


def test_a_cancelled_run_starts_nothing_more_and_stops_what_lives():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), a_gate("g")))
    story.look()
    story.cancel()
    assert story.phases() == {"a": "Cancelled", "b": "Cancelled", "g": "Cancelled"}
    assert stops(story) == [AttemptId("a", 1)]
    assert story.state.phase == "Cancelled"
    assert story.started == [AttemptId("a", 1)]


def test_a_stop_is_asked_for_until_the_attempt_is_seen_ended():
    story = Story(a_plan(a_step("a")))
    story.look()
    story.cancel()
    assert stops(story) == [AttemptId("a", 1)]
    story.look()
    assert stops(story) == [AttemptId("a", 1)]
    digest = story.state.step("a").digest
    story.attempts[AttemptId("a", 1)] = AttemptFact(
        AttemptPhase.FAILED, digest, failure=Failure("CANCELLED", "stopped")
    )
    story.look()
    assert stops(story) == []


def test_finally_runs_once_what_was_stopped_has_ended():
    story = Story(a_plan(a_step("a"), a_step("audit", final=True)))
    story.look()
    story.cancel()
    assert story.state.phase == "Running"
    assert AttemptId("audit", 1) not in story.started
    digest = story.state.step("a").digest
    story.attempts[AttemptId("a", 1)] = AttemptFact(
        AttemptPhase.FAILED, digest, failure=Failure("CANCELLED", "stopped")
    )
    story.look()
    assert story.started[-1] == AttemptId("audit", 1)
    story.end("audit")
    assert story.state.phase == "Cancelled"


def test_a_request_to_cancel_a_finished_run_changes_nothing():
    story = Story(a_plan(a_step("a")))
    story.look()
    story.end("a", 1)
    before = story.state
    story.cancel()
    assert story.state == before


def test_an_attempt_that_gave_its_result_is_left_to_end_by_itself():
    story = Story(a_plan(a_step("a"), a_step("b", "a")))
    story.look()
    story.end("a", 1)
    digest = story.state.step("a").digest
    story.attempts[AttemptId("a", 1)] = AttemptFact(AttemptPhase.RUNNING, digest, "uid-a-1")
    story.look()
    assert stops(story) == []


def test_a_run_that_is_cancelled_while_finally_runs_changes_nothing_of_what_finally_was_given():
    story = Story(a_plan(a_step("a"), a_step("audit", final=True)))
    story.look()
    story.end("a")
    given = story.state.step("audit").digest
    del story.attempts[AttemptId("audit", 1)]
    story.cancel()
    assert story.last.state.step("audit").phase == "Starting"
    assert (AttemptId("audit", 1), given) == (story.started[-1], story.state.step("audit").digest)
    story.end("audit")
    assert story.state.phase == "Cancelled"
