"""What the attempts of batches came to: item by item."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.decide import Change, change
from penstock.engine.facts import AttemptFact, AttemptPhase, ItemResult
from penstock.engine.model import AttemptId, Failure, Retry
from tests.support.fan_outs import a_story, argument, bad, containers, good, items_of
from tests.support.plans import seconds

ONCE_MORE = Retry(limit=1, initial=seconds(1))


def again(story):
    """The wait of the batches that back off is over."""
    story.later(seconds(2))
    return story


def indices(story, batch=0):
    """What the newest attempt of a batch was given."""
    (start,) = [
        command
        for command in story.last.commands
        if type(command).__name__ == "StartAttempt" and command.id.batch == batch
    ]
    return [each["index"] for each in start.document["items"]]


def test_only_the_items_that_did_not_succeed_are_tried_again():
    story = a_story(4, items_per_pod=4, retry=ONCE_MORE, tolerated=1)
    story.end_batch("rows", 0, *good(0, 2), *bad(1, 3), code="ITEMS_FAILED")
    again(story)
    assert story.started[-1] == AttemptId("rows", 2, 0)
    assert indices(story) == [1, 3]
    story.end_batch("rows", 0, *good(1), *bad(3), code="ITEMS_FAILED")
    assert story.state.step("rows").output == [0, 10, 20, None]
    assert items_of(story).failed.text() == "3"


def test_what_had_ended_before_the_pod_died_counts_and_one_item_alone_is_to_blame():
    story = a_story(6, items_per_pod=6, tolerated=1)
    story.end_batch("rows", 0, *good(0, 1), code="OUT_OF_MEMORY", begun=3)
    assert items_of(story).succeeded.text() == "0-1"
    assert [(each.index, each.failure.code) for each in items_of(story).failures] == [(2, "OUT_OF_MEMORY")]
    assert story.started[-1] == AttemptId("rows", 2, 0), "the others had not begun, and begin at once"
    assert indices(story) == [3, 4, 5]
    story.end_batch("rows", 0, *good(3, 4, 5))
    assert story.state.step("rows").output == [0, 10, None, 30, 40, 50]


def test_an_item_that_brings_its_pod_down_is_tried_as_often_as_any_other_and_after_them():
    story = a_story(3, items_per_pod=3, retry=ONCE_MORE, tolerated=1)
    story.end_batch("rows", 0, code="OUT_OF_MEMORY", begun=1)
    assert indices(story) == [1, 2], "those that had not begun go on at once"
    story.end_batch("rows", 0, *bad(1), *good(2), code="ITEMS_FAILED")
    again(story)
    assert indices(story) == [0, 1], "every item has its first try before any has its second"
    story.end_batch("rows", 0, code="OUT_OF_MEMORY", begun=1)
    assert items_of(story).failed.text() == "0"
    assert indices(story) == [1]
    story.end_batch("rows", 0, *good(1))
    assert story.state.step("rows").output == [None, 10, 20]


def test_where_nobody_knows_how_far_it_came_every_item_without_a_result_may_have_run():
    story = a_story(3, items_per_pod=3, tolerated=3)
    story.end_batch("rows", 0, *good(0), code="LOST")
    assert items_of(story).failed.text() == "1-2"
    assert story.started == [AttemptId("rows", 1, 0)]


def test_a_pod_in_which_nothing_began_counts_for_all_its_items():
    story = a_story(3, items_per_pod=3, retry=ONCE_MORE, tolerated=3)
    story.end_batch("rows", 0, code="STOPPED", begun=0)
    again(story)
    story.end_batch("rows", 0, code="STOPPED", begun=0)
    assert items_of(story).failed.text() == "0-2"


@pytest.mark.parametrize("code", ["JOB_NAME_CONFLICT", "INPUT_MISMATCH"])
def test_a_failure_that_would_come_again_is_not_tried_again(code):
    story = a_story(2, items_per_pod=2, retry=ONCE_MORE, tolerated=2)
    story.end_batch("rows", 0, code=code)
    assert items_of(story).failed.text() == "0-1"


def test_an_item_whose_own_failure_would_come_again_is_not_tried_again_and_the_others_are():
    story = a_story(2, items_per_pod=2, retry=ONCE_MORE, tolerated=2)
    story.end_batch("rows", 0, *bad(0, code="OUTPUT_TOO_LARGE"), *bad(1), code="ITEMS_FAILED")
    again(story)
    assert indices(story) == [1]


def test_a_batch_whose_uid_is_written_and_that_is_gone_is_lost_and_not_started_again():
    story = a_story(1)
    story.look()
    assert items_of(story).active[0].uid == "uid-rows-1-0"
    story.attempts.clear()
    story.look()
    assert [each.failure.code for each in items_of(story).failures] == ["LOST"]
    assert story.started == [AttemptId("rows", 1, 0)]


def test_a_result_for_another_digest_does_not_count():
    story = a_story(1)
    at = AttemptId("rows", 1, 0)
    story.attempts[at] = AttemptFact(AttemptPhase.SUCCEEDED, "sha256:other", "uid", items=good(0))
    story.look()
    assert [each.failure.code for each in items_of(story).failures] == ["JOB_NAME_CONFLICT"]


def test_results_of_items_that_are_not_the_attempts_own_do_not_count():
    story = a_story(4, items_per_pod=2)
    story.end_batch("rows", 0, *good(0, 1, 2, 3), ItemResult(1, output="twice"), ItemResult(99, output=1))
    assert items_of(story).succeeded.text() == "0-1"
    assert dict(items_of(story).outputs) == {0: 0, 1: 10}


def test_an_item_without_a_word_in_an_attempt_that_ended_well_is_lost():
    story = a_story(2, items_per_pod=2, tolerated=1)
    story.end_batch("rows", 0, *good(0))
    assert [(each.index, each.failure.code) for each in items_of(story).failures] == [(1, "LOST")]


def test_items_that_somebody_else_stopped_are_not_called_cancelled():
    story = a_story(2, items_per_pod=2, tolerated=2)
    story.end_batch("rows", 0, ItemResult(0, failure=Failure("CANCELLED", "stopped")), code="CANCELLED", begun=1)
    assert [each.failure.code for each in items_of(story).failures] == ["STOPPED"]
    assert story.started[-1] == AttemptId("rows", 2, 0)


def test_signs_of_life_are_told_and_no_reason_to_write():
    story = a_story(4, items_per_pod=2)
    before = story.state
    for at, fact in list(story.attempts.items()):
        story.attempts[at] = replace(fact, phase=AttemptPhase.RUNNING, items=good(at.batch * 2))
    story.look()
    assert story.state.step("rows").message == "2/4 items"
    assert story.phases() == {"rows": "Running"}
    assert items_of(story).succeeded.text() == "", "what is in a pod that lives counts when that has ended"
    assert change(before, story.state) is Change.SOFT
    seen = story.state
    story.end_batch("rows", 0, *good(0), *bad(1), code="ITEMS_FAILED")
    assert story.state.step("rows").message == "3/4 items, 1 failed"
    assert change(seen, story.state) is Change.HARD


def test_only_the_first_failures_are_remembered_in_words():
    story = a_story(100, items_per_pod=100, tolerated=100)
    story.end_batch("rows", 0, *bad(*range(100)), code="ITEMS_FAILED")
    assert [each.index for each in items_of(story).failures] == list(range(20))
    assert len(items_of(story).failed) == 100


@pytest.fixture
def two_containers():
    story = containers(2, retry=ONCE_MORE, tolerated=1)
    argument(story, 0, "a")
    argument(story, 1, "b")
    story.look()
    return story


def end(story, number, phase, **fields):
    at = AttemptId("rows", items_of(story).active[number].attempt, number)
    story.attempts[at] = AttemptFact(phase, story.attempts[at].digest, "uid", **fields)
    story.look()


def test_what_a_program_without_a_harness_comes_to_is_the_result_of_its_item(two_containers):
    end(two_containers, 1, AttemptPhase.SUCCEEDED, output={"n": 1})
    end(two_containers, 0, AttemptPhase.FAILED, failure=Failure("ITEMS_FAILED", "a child's own items failed"))
    again(two_containers)
    assert two_containers.started[-1] == AttemptId("rows", 2, 0)
    end(two_containers, 0, AttemptPhase.FAILED, failure=Failure("ITEMS_FAILED", "a child's own items failed"))
    assert two_containers.state.step("rows").output == [None, {"n": 1}]
    assert [each.failure.code for each in items_of(two_containers).failures] == ["ITEMS_FAILED"]


def test_a_program_without_a_harness_that_is_lost_is_tried_again(two_containers):
    end(two_containers, 0, AttemptPhase.LOST, failure=Failure("NODE_LOST", "its node is gone"))
    again(two_containers)
    assert two_containers.started[-1] == AttemptId("rows", 2, 0)
