"""The end of a fanned-out step."""

from __future__ import annotations

import pytest

from penstock.engine.model import OnFailure, Retry
from tests.support.fan_outs import a_story, bad, good, items_of
from tests.support.plans import a_step, seconds


def test_the_output_is_in_the_order_of_the_items_whatever_the_order_of_their_ends():
    story = a_story(3, a_step("after", "rows"))
    for index in (2, 0, 1):
        story.end_batch("rows", index, *good(index))
    assert story.state.step("rows").output == [0, 10, 20]
    assert story.phases()["after"] == "Starting", "in the same pass"


def test_items_that_gave_nothing_are_null():
    story = a_story(2)
    story.end_batch("rows", 0, *good(0))
    story.end_batch("rows", 1, type(good(1)[0])(1))
    assert story.state.step("rows").output == [0, None]


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        pytest.param({}, 0, id="none by default"),
        pytest.param({"tolerated": 3}, 3, id="a number"),
        pytest.param({"tolerated": 10, "in_percent": True}, 1, id="a percentage is rounded down"),
        pytest.param({"tolerated": 100, "in_percent": True}, 15, id="all"),
    ],
)
def test_so_many_may_fail_and_no_more(fields, allowed):
    for failing in {allowed, min(allowed + 1, 15)}:
        story = a_story(15, items_per_pod=15, **fields)
        story.end_batch("rows", 0, *bad(*range(failing)), *good(*range(failing, 15)), code="ITEMS_FAILED")
        assert story.phases()["rows"] == ("Succeeded" if failing <= allowed else "Failed")


def test_a_step_that_failed_says_how_many_and_why_the_first():
    story = a_story(10, max_parallel=2)
    story.end_batch("rows", 0, *bad(0))
    assert story.phases()["rows"] == "Running", "what runs comes to its end"
    story.end_batch("rows", 1, *good(1))
    failure = story.state.failure
    assert (failure.code, failure.step) == ("ITEMS_FAILED", "rows")
    assert failure.reason == (
        "1 of 10 items failed, 0 may; 8 were not run to their end. item 0: row 0 is sold out (NO_STOCK)"
    )
    assert len(story.started) == 2
    assert items_of(story).active == {}


def test_without_fail_fast_every_item_is_run():
    story = a_story(4, max_parallel=1, fail_fast=False)
    for index in range(4):
        story.end_batch("rows", index, *(bad(index) if index < 2 else good(index)))
    assert story.state.failure.reason.startswith("2 of 4 items failed, 0 may. item 0:")
    assert len(story.started) == 4


def test_what_backs_off_is_not_tried_again_once_too_many_failed():
    story = a_story(3, max_parallel=3, retry=Retry(limit=1, initial=seconds(60)))
    story.end_batch("rows", 0, *bad(0))
    story.end_batch("rows", 1, *bad(1, code="OUTPUT_TOO_LARGE"))
    story.end_batch("rows", 2, *good(2))
    assert story.phases()["rows"] == "Failed"
    assert len(story.started) == 3


def test_a_step_that_may_fail_lets_the_run_go_on():
    story = a_story(1, a_step("after", "rows"), on_failure=OnFailure.CONTINUE)
    story.end_batch("rows", 0, *bad(0))
    assert story.phases() == {"rows": "Failed", "after": "Starting"}


def test_the_last_results_count_though_the_run_is_cancelled_in_the_same_moment():
    story = a_story(1)
    story.cancelled = True
    story.end_batch("rows", 0, *good(0))
    assert story.phases() == {"rows": "Succeeded"}
