"""A run that retries another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.indices import Indices
from penstock.engine.model import AttemptId, OnFailure, RunPhase, StepPhase, StepState
from tests.support.fan_outs import a_fan_out, a_story, bad, good, items_of
from tests.support.plans import Story, a_gate, a_plan, a_step


def told(plan, *, fail, votes=(), skip=()):
    """How a run of the plan ended in which these steps failed."""
    story = Story(plan)
    for name in skip:
        story.values[name, "when"] = _false()
    story.look()
    while not story.state.phase.finished:
        for name, state in dict(story.state.steps).items():
            if state.phase.alive:
                story.end(name, {"by": name}, code="BROKEN" if name in fail else None)
        for name in votes:
            if story.state.step(name).phase == "Waiting":
                story.vote(name, "alice")
    return story.state


def retried(plan, earlier):
    story = Story(plan)
    story.earlier = earlier
    for name, state in earlier.steps.items():
        if state.phase == "Skipped" and state.failure is None:
            story.values[name, "when"] = _false()
    story.look()
    return story


def _false():
    from penstock.engine.facts import Value

    return Value(False)


def test_what_succeeded_is_taken_over_with_its_output_and_what_failed_runs_again():
    plan = a_plan(a_step("a"), a_step("b", "a"), a_step("c", "b"))
    story = retried(plan, told(plan, fail={"b"}))
    assert story.started == [AttemptId("b", 1)]
    assert (story.state.step("a").output, story.state.step("a").carried) == ({"by": "a"}, True)
    story.end("b")
    story.end("c", {"done": True})
    assert (story.state.phase, story.state.output) == (RunPhase.SUCCEEDED, {"done": True})


def test_what_ran_on_something_that_runs_again_runs_again_too():
    plan = a_plan(a_step("a", on_failure=OnFailure.CONTINUE), a_step("b", "a"), a_step("c"))
    story = retried(plan, told(plan, fail={"a", "c"}))
    assert story.started == [AttemptId("a", 1), AttemptId("c", 1)]
    story.end("a")
    assert AttemptId("b", 1) in story.started


def test_what_follows_a_step_that_was_passed_over_is_taken_over():
    plan = a_plan(a_step("a", when="context.x"), a_step("b", "a"), a_step("c", "b"))
    story = retried(plan, told(plan, fail={"c"}, skip=("a",)))
    assert story.started == [AttemptId("c", 1)]


def test_people_are_asked_anew_where_something_is_left_to_start_behind_their_gate():
    plan = a_plan(a_gate("release"), a_step("ship", "release"), a_step("notify", "ship"))
    earlier = told(plan, fail={"notify"}, votes=("release",))
    story = retried(plan, earlier)
    assert story.state.step("release").phase == "Waiting"
    assert story.started == []
    story.vote("release", "alice")
    assert story.started == [AttemptId("notify", 1)]


def test_a_gate_behind_which_all_is_done_is_not_asked_again():
    plan = a_plan(a_gate("release"), a_step("ship", "release"), a_step("other"))
    story = retried(plan, told(plan, fail={"other"}, votes=("release",)))
    assert story.started == [AttemptId("other", 1)]
    assert story.state.step("release").phase == "Succeeded"


def test_finally_runs_again():
    plan = a_plan(a_step("a"), a_step("b"), a_step("tidy", final=True))
    story = retried(plan, told(plan, fail={"b"}))
    story.end("b")
    assert story.started == [AttemptId("b", 1), AttemptId("tidy", 1)]


def partly_done(*more, **fields):
    """A run over six rows, two a pod, of which row 3 failed and the last two were never run."""
    story = a_story(6, *more, items_per_pod=2, max_parallel=1, **fields)
    story.end_batch("rows", 0, *good(0, 1))
    story.end_batch("rows", 1, *good(2), *bad(3), code="ITEMS_FAILED")
    return story


def rows(story, count=6):
    story.fan_out("rows", [f"row {index}" for index in range(count)])
    return story


def given(story):
    """The items that each attempt was given, by batch."""
    found = {}
    for command in story.last.commands:
        if type(command).__name__ == "StartAttempt":
            found[command.id.batch] = [each["index"] for each in command.document["items"]]
    return found


def test_items_that_succeeded_are_taken_over_and_only_the_others_run():
    earlier = partly_done()
    story = rows(retried(earlier.plan, earlier.state))
    assert items_of(story).carried.text() == "0-2"
    assert given(story) == {1: [3]}
    assert story.state.step("rows").message == "3/6 items"
    story.end_batch("rows", 1, *good(3))
    assert given(story) == {2: [4, 5]}
    story.end_batch("rows", 2, *good(4, 5))
    assert (story.state.phase, story.state.output) == (RunPhase.SUCCEEDED, [0, 10, 20, 30, 40, 50])


@pytest.mark.parametrize("lists", [5, 7], ids=["shorter", "longer"])
def test_of_another_list_every_item_runs(lists):
    earlier = partly_done()
    story = rows(retried(earlier.plan, earlier.state), lists)
    assert (items_of(story).total, items_of(story).succeeded.text()) == (lists, "")
    assert given(story) == {0: [0, 1]}


def test_items_behind_a_step_that_runs_again_run_again():
    plan = a_plan(a_step("a"), a_fan_out("rows", "a"))
    first = Story(plan)
    first.look()
    first.end("a")
    rows(first)
    first.end_batch("rows", 0, *good(0))
    first.end_batch("rows", 1, *bad(1))
    for number in range(2, 6):
        first.end_batch("rows", number, *good(number))
    story = retried(plan, replace(first.state, steps={**first.state.steps, "a": StepState(StepPhase.FAILED)}))
    assert story.state.step("rows").items is None


def test_items_that_are_all_there_need_no_attempt():
    earlier = partly_done()
    every = replace(items_of(earlier), succeeded=Indices.span(0, 6), outputs=dict.fromkeys(range(6), "x"))
    cancelled = StepState(StepPhase.CANCELLED, items=every)
    story = rows(retried(earlier.plan, replace(earlier.state, steps={"rows": cancelled})))
    assert story.started == []
    assert (story.state.phase, story.state.output) == (RunPhase.SUCCEEDED, ["x"] * 6)


def test_many_outputs_that_are_taken_over_are_kept_beside_the_new_run():
    earlier = partly_done()
    items = earlier.state.step("rows").items
    large = replace(items, outputs=dict.fromkeys((0, 1, 2), "x" * 9000))
    steps = {"rows": replace(earlier.state.step("rows"), items=large)}
    story = rows(retried(earlier.plan, replace(earlier.state, steps=steps)))
    assert items_of(story).outputs == {}
    assert len(items_of(story).chunks) == 1
    for numbers in ((3,), (4, 5)):
        story.end_batch("rows", numbers[0] // 2, *good(*numbers))
    assert story.state.output == ["x" * 9000] * 3 + [30, 40, 50]
