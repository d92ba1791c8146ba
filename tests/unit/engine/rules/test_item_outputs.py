"""Outputs of items on their way into the step's own."""

from __future__ import annotations

import pytest

from penstock.engine.facts import ItemResult, Stored, Value
from penstock.engine.rules.item_outputs import INLINE_ITEMS
from tests.support.fan_outs import a_story, bad, good, items_of
from tests.support.plans import a_step


def large(*indices, size=6_000):
    return tuple(ItemResult(index, output=str(index) + "x" * size) for index in indices)


def test_few_and_small_ones_stand_in_the_run_object():
    story = a_story(4, items_per_pod=2, max_parallel=1)
    story.end_batch("rows", 0, *good(0, 1))
    assert dict(items_of(story).outputs) == {0: 0, 1: 10}
    assert items_of(story).chunks == ()


def test_what_has_outgrown_its_room_is_kept_beside_before_it_is_referred_to_and_comes_back_in_order():
    story = a_story(6, a_step("after", "rows"), items_per_pod=2, max_parallel=3)
    story.end_batch("rows", 2, *large(4, 5))
    story.end_batch("rows", 0, *large(0, 1))
    assert items_of(story).outputs == {}
    (ref,) = items_of(story).chunks
    assert set(story.kept[ref.name]) == {"0", "1", "4", "5"}
    story.end_batch("rows", 1, *large(2, 3))
    step = story.state.step("rows")
    assert [text[0] for text in step.output] == ["0", "1", "2", "3", "4", "5"]
    assert (step.stored is not None, items_of(story).chunks, items_of(story).outputs) == (True, (), {})


def test_all_outputs_together_have_a_limit_that_is_named():
    story = a_story(20, max_parallel=20)
    for index in range(20):
        if not story.state.phase.finished:
            story.end_batch("rows", index, *large(index, size=900_000))
    assert story.state.failure.code == "OUTPUT_TOO_LARGE"
    assert "8,388,608 bytes together" in story.state.failure.reason


@pytest.mark.parametrize("finished", [False, True])
def test_outputs_that_cannot_be_kept_fail_a_step_that_goes_on_and_are_dropped_from_one_that_ended(finished):
    story = a_story(3, items_per_pod=3 if finished else 1)
    results = (*large(0, size=INLINE_ITEMS), *bad(1), *good(2)) if finished else large(0, size=INLINE_ITEMS)
    items = items_of(story)
    at = next(iter(story.attempts))
    story.attempts[at] = type(story.attempts[at])("Failed", items.active[0].digest, "uid", items=results)
    story.stored = _Refusing()
    story.look()
    story.look()
    assert story.state.failure.code == ("ITEMS_FAILED" if finished else "OUTPUT_NOT_STORED")
    assert items_of(story).outputs == {}


class _Refusing(dict):
    """Nothing can be kept."""

    def __setitem__(self, name, value):
        super().__setitem__(name, Stored("exceeded quota: configmaps"))


def test_a_chunk_that_is_gone_fails_the_step():
    story = a_story(2, items_per_pod=1)
    story.end_batch("rows", 0, *large(0, size=INLINE_ITEMS))
    (ref,) = items_of(story).chunks
    story.loaded[ref.name] = Value(error="there is no ConfigMap")
    story.end_batch("rows", 1, *good(1))
    assert story.state.failure.code == "OUTPUT_LOST"


@pytest.mark.parametrize(
    ("output", "want_code"),
    [
        pytest.param(float("nan"), "OUTPUT_INVALID", id="what JSON cannot say"),
        pytest.param("x" * 921_600, "OUTPUT_TOO_LARGE", id="more than one program may give"),
    ],
)
def test_an_output_that_cannot_be_kept_fails_its_item_alone(output, want_code):
    story = a_story(2, items_per_pod=2, tolerated=1)
    story.end_batch("rows", 0, ItemResult(0, output=output), *good(1))
    assert story.state.step("rows").output == [None, 10]
    assert [each.failure.code for each in items_of(story).failures] == [want_code]
