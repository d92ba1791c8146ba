"""The second run of an idempotency key does nothing but name the first."""

from __future__ import annotations

from dataclasses import replace

from tests.support.plans import RUN, Story, a_plan, a_step

KEYED = replace(RUN, idempotency_key="march")


def test_a_twin_fails_before_anything_starts_and_names_the_first():
    story = Story(a_plan(a_step("ship"), a_step("audit", final=True)), run=KEYED)
    story.twin = "order-0"
    story.look()
    assert (story.state.phase, story.state.failure.code) == ("Failed", "IDEMPOTENCY_KEY_USED")
    assert "`march`" in story.state.failure.reason
    assert "order-0" in story.state.failure.reason
    assert story.started == []


def test_a_run_that_has_begun_goes_on():
    story = Story(a_plan(a_step("ship")), run=KEYED)
    story.look()
    story.twin = "order-0"
    story.look()
    assert story.state.phase == "Running"
