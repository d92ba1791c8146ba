"""What attempts came to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.decide import Change, change
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.model import AttemptId, Failure
from tests.support.plans import Story, a_gate, a_plan, a_step


def a_started_story():
    story = Story(a_plan(a_step("a")))
    story.look()
    return story


def test_an_attempt_whose_uid_is_written_and_that_is_gone_is_lost_and_not_started_again():
    story = a_started_story()
    story.look()
    assert story.state.step("a").uid == "uid-a-1"
    story.attempts.clear()
    story.look()
    assert story.state.failure.code == "LOST"
    assert story.started == [AttemptId("a", 1)]


def test_an_attempt_that_was_written_down_and_never_seen_is_asked_for_again():
    story = a_started_story()
    story.attempts.clear()
    story.look()
    assert story.started == [AttemptId("a", 1), AttemptId("a", 1)]
    assert story.state.step("a").attempt == 1


def test_a_result_for_another_digest_does_not_count():
    story = a_started_story()
    story.attempts[AttemptId("a", 1)] = AttemptFact(AttemptPhase.SUCCEEDED, "sha256:other", "uid", output=1)
    story.look()
    assert story.state.failure.code == "JOB_NAME_CONFLICT"


def test_a_sign_of_life_is_no_reason_to_write_but_a_result_is():
    story = a_started_story()
    before = story.state
    story.attempts[AttemptId("a", 1)] = replace(
        story.attempts[AttemptId("a", 1)], phase=AttemptPhase.RUNNING, message="1 of 2"
    )
    story.look()
    assert story.phases() == {"a": "Running"}
    assert change(before, story.state) is Change.SOFT
    seen = story.state
    story.end("a")
    assert change(seen, story.state) is Change.HARD


@pytest.mark.parametrize("then", [a_step("b", "a"), a_gate("b", "a")], ids=["a step", "a gate"])
def test_an_output_that_an_api_server_wrote_without_its_point_supersedes_nothing(then):
    story = Story(a_plan(a_step("a"), then))
    story.look()
    story.end("a", {"total": 100.0})
    before = story.phases()["b"]
    story.attempts.pop(AttemptId("b", 1), None)  # died between the write and the start
    kept = replace(story.state.step("a"), output={"total": 100})
    story.state = replace(story.state, steps={**story.state.steps, "a": kept})
    story.look()
    assert story.phases() == {"a": "Succeeded", "b": before}
    gate = story.state.step("b").gate
    assert gate is None or gate.round == 1


def test_an_attempt_that_somebody_else_stopped_is_not_called_cancelled():
    story = a_started_story()
    story.end("a", code="CANCELLED")
    assert story.state.failure.code == "STOPPED"


def test_what_kept_an_attempt_from_starting_is_forgotten_once_it_has_started():
    story = a_started_story()
    waits = Failure("IMAGE_PULL_FAILED", "the image cannot be had: ErrImagePull")
    created = story.attempts[AttemptId("a", 1)]
    story.attempts[AttemptId("a", 1)] = replace(created, failure=waits)
    story.look()
    assert story.state.step("a").message == waits.reason
    story.attempts[AttemptId("a", 1)] = replace(created, phase=AttemptPhase.RUNNING)
    story.look()
    assert story.state.step("a").message is None
    story.attempts[AttemptId("a", 1)] = replace(created, phase=AttemptPhase.RUNNING, message="1/2")
    story.look()
    story.attempts[AttemptId("a", 1)] = replace(created, phase=AttemptPhase.RUNNING)
    story.look()
    assert story.state.step("a").message == "1/2"
