"""Steps that only wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.engine.model import AttemptId, RunPhase
from tests.support.plans import NOON, Story, a_gate, a_plan, a_step, a_wait, seconds

TWO_HOURS_LATER = datetime(2026, 1, 2, 14, 0, tzinfo=UTC)


def test_a_step_after_a_wait_starts_when_its_time_is_over_and_not_before():
    story = Story(a_plan(a_wait("cool", duration=seconds(60)), a_step("go", "cool")))
    decided = story.look()
    assert decided.wake_at == NOON + seconds(60)
    story.later(seconds(59))
    assert story.started == []
    story.later(seconds(1))
    assert story.started == [AttemptId("go", 1)]


def test_a_wait_goes_on_where_it_stood_when_somebody_looks_again():
    story = Story(a_plan(a_wait("cool", duration=seconds(60))))
    story.look()
    assert story.later(seconds(20)).wake_at == NOON + seconds(60)


@pytest.mark.parametrize(
    "moment", ["2026-01-02T14:00:00Z", "2026-01-02T16:00:00+02:00", "2026-01-02T14:00:00.000+00:00"]
)
def test_a_wait_until_a_moment_ends_then(moment):
    story = Story(a_plan(a_wait("night", until="context.at"), a_step("go", "night")))
    story.look()
    story.evaluate("night", "wait.until", moment)
    assert story.state.step("night").until == TWO_HOURS_LATER
    story.later(timedelta(hours=2))
    assert story.started == [AttemptId("go", 1)]


def test_a_moment_that_is_past_is_no_wait():
    story = Story(a_plan(a_wait("night", until="context.at"), a_step("go", "night")))
    story.look()
    story.evaluate("night", "wait.until", "2020-01-01T00:00:00Z")
    assert story.started == [AttemptId("go", 1)]


@pytest.mark.parametrize(
    ("value", "error", "want"),
    [
        pytest.param("tomorrow", None, "'tomorrow' is no moment; give text such as 2030-01-31T08:00:00Z", id="words"),
        pytest.param(12, None, "12 is no moment", id="a number"),
        pytest.param("2026-01-02T14:00:00", None, "write 2026-01-02T14:00:00Z", id="no time zone"),
        pytest.param(None, "no such key: at", "wait.until: no such key: at", id="the expression fails"),
    ],
)
def test_what_is_no_moment_fails_the_step_with_what_to_write(value, error, want):
    story = Story(a_plan(a_wait("night", until="context.at")))
    story.look()
    story.evaluate("night", "wait.until", value, error)
    failure = story.state.failure
    assert (failure.code, failure.step) == ("EXPRESSION_ERROR", "night")
    assert want in failure.reason


def test_a_run_that_only_waits_for_time_needs_nobody():
    story = Story(a_plan(a_wait("cool", duration=seconds(60))))
    story.look()
    assert story.state.phase is RunPhase.RUNNING


def test_a_run_that_waits_for_time_and_for_people_needs_people():
    story = Story(a_plan(a_wait("cool", duration=seconds(60)), a_gate("release")))
    story.look()
    assert story.state.phase is RunPhase.WAITING


def test_cancelling_ends_a_wait():
    story = Story(a_plan(a_wait("cool", duration=seconds(60)), a_step("go", "cool")))
    story.look()
    story.cancel()
    assert story.state.phase is RunPhase.CANCELLED
    assert story.phases() == {"cool": "Cancelled", "go": "Cancelled"}
