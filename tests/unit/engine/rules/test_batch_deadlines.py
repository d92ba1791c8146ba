"""Attempts of batches that take too long."""

from __future__ import annotations

from dataclasses import replace

from penstock.engine.commands import StopAttempt
from penstock.engine.facts import AttemptPhase
from penstock.engine.model import AttemptId, StepKind
from penstock.engine.rules.deadlines import START_ALLOWANCE
from tests.support.fan_outs import a_story, argument, containers, good, items_of
from tests.support.plans import seconds


def test_a_batch_has_the_time_of_all_its_items_and_what_had_ended_by_then_counts():
    story = a_story(3, items_per_pod=3, timeout=seconds(10), tolerated=2)
    story.look()
    assert story.last.wake_at == story.now + seconds(30) + START_ALLOWANCE
    at = AttemptId("rows", 1, 0)
    story.attempts[at] = replace(story.attempts[at], items=good(0))
    story.later(seconds(29) + START_ALLOWANCE)
    assert story.phases()["rows"] == "Starting"
    story.later(seconds(1))
    assert items_of(story).succeeded.text() == "0"
    assert {each.failure.code for each in items_of(story).failures} == {"TIMED_OUT"}
    assert any(isinstance(command, StopAttempt) and command.id == at for command in story.last.commands)


def test_a_result_in_the_moment_of_the_deadline_counts():
    story = a_story(1, timeout=seconds(10))
    story.now += seconds(10) + START_ALLOWANCE
    story.end_batch("rows", 0, *good(0))
    assert story.state.step("rows").output == [0]


def test_a_batch_that_is_tried_again_needs_less_time():
    from penstock.engine.model import Retry
    from tests.support.fan_outs import bad

    story = a_story(3, items_per_pod=3, timeout=seconds(10), retry=Retry(limit=1, initial=seconds(0)))
    story.end_batch("rows", 0, *good(0, 1), *bad(2), code="ITEMS_FAILED")
    assert items_of(story).active[0].attempt == 2
    story.look()
    assert story.last.wake_at == story.now + seconds(10) + START_ALLOWANCE


def test_a_program_without_a_harness_has_its_time_from_its_own_start():
    story = containers(1, timeout=seconds(10))
    argument(story, 0, "a")
    story.look()
    at = AttemptId("rows", 1, 0)
    story.later(seconds(60))
    running = replace(story.attempts[at], phase=AttemptPhase.RUNNING, running_since=story.now)
    story.attempts[at] = running
    story.look()
    assert story.last.wake_at == story.now + seconds(10)
    story.later(seconds(10))
    (failure,) = items_of(story).failures
    assert (failure.failure.code, failure.failure.reason) == (
        "TIMED_OUT",
        "the attempt took longer than its timeout of 10 s",
    )


def test_a_run_of_its_own_has_no_time_to_start():
    story = containers(1, timeout=seconds(10), kind=StepKind.WORKFLOW)
    argument(story, 0, "a")
    story.look()
    story.look()
    assert story.last.wake_at == story.now + seconds(10)
