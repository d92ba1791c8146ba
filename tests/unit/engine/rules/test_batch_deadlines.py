"""Attempts of batches that take too long."""

from __future__ import annotations

from dataclasses import replace

from penstock.engine.commands import StopAttempt
from penstock.engine.model import AttemptId
from penstock.engine.rules.deadlines import START_ALLOWANCE
from tests.support.fan_outs import a_story, good, items_of
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
