"""What a failed attempt means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.engine.model import AttemptId, Retry
from tests.support.plans import Story, a_plan, a_step, seconds

TWICE = Retry(limit=2, initial=seconds(2), factor=3, maximum=seconds(5))


def test_a_failed_attempt_is_tried_again_after_its_backoff_and_no_sooner():
    story = Story(a_plan(a_step("a", retry=TWICE)))
    story.look()
    story.end("a", code="BROKEN")
    assert story.phases() == {"a": "Backoff"}
    assert story.last.wake_at == story.now + seconds(2)
    story.later(seconds(1.9))
    assert story.started == [AttemptId("a", 1)]
    story.later(seconds(0.1))
    assert story.started == [AttemptId("a", 1), AttemptId("a", 2)]


def test_the_wait_grows_by_its_factor_up_to_its_maximum():
    assert [TWICE.delay(attempt) for attempt in (1, 2, 3, 10_000)] == [seconds(2), seconds(5), seconds(5), seconds(5)]


def test_after_the_last_attempt_the_step_has_failed():
    story = Story(a_plan(a_step("a", retry=Retry(limit=1, initial=seconds(0)))))
    story.look()
    story.end("a", code="FIRST")
    story.look()
    story.end("a", code="SECOND")
    assert story.state.phase == "Failed"
    assert story.state.failure.code == "SECOND"
    assert story.started == [AttemptId("a", 1), AttemptId("a", 2)]


@pytest.mark.parametrize("code", ["JOB_NAME_CONFLICT", "INPUT_MISMATCH", "REFUSED"])
def test_failures_that_would_happen_again_are_not_retried(code):
    story = Story(a_plan(a_step("a", retry=TWICE)))
    story.look()
    story.end("a", code=code)
    assert story.phases() == {"a": "Failed"}


def test_a_retry_that_succeeds_leaves_no_failure_behind():
    story = Story(a_plan(a_step("a", retry=Retry(limit=1, initial=timedelta(0)))))
    story.look()
    story.end("a", code="FIRST")
    story.look()
    story.end("a", "fine")
    assert (story.state.phase, story.state.output, story.state.failure) == ("Succeeded", "fine", None)
    assert story.state.step("a").failure is None
