"""Batches of items: in their order, so many at a time."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from penstock.engine.commands import AskGate, Fill, StartAttempt
from penstock.engine.model import AttemptId, Retry, StepPhase
from tests.support.fan_outs import a_fan_out, a_story, argument, bad, containers, good, items_of
from tests.support.plans import GATE, Story, a_plan, a_step, seconds


def starts(story):
    return [command for command in story.last.commands if isinstance(command, StartAttempt)]


def test_no_more_pods_than_allowed_and_in_order():
    story = a_story(10, items_per_pod=2, max_parallel=3)
    assert [(at.batch, at.attempt) for at in story.started] == [(0, 1), (1, 1), (2, 1)]
    story.end_batch("rows", 1, *good(2, 3))
    assert story.started[-1].batch == 3
    assert [each["index"] for each in starts(story)[0].document["items"]] == [6, 7]


def test_all_that_starts_in_a_pass_is_written_with_what_ended():
    story = a_story(4, max_parallel=2)
    story.attempts.clear()
    before = story.state
    story.look()
    assert {at.batch for at in story.started[-2:]} == {0, 1}
    assert story.state == before, "asking again changes nothing"


def test_each_program_is_given_its_own_items_and_not_the_list():
    rows = [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]
    fan_out = a_fan_out(
        "rows", "list", over="steps.list.output.rows", items_per_pod=2, sources=(("steps", "list", "output", "rows"),)
    )
    story = Story(a_plan(a_step("list"), fan_out))
    story.look()
    story.end("list", {"rows": rows, "day": "Monday"})
    story.fan_out("rows", rows)
    first, second = starts(story)
    assert first.document["items"] == [{"index": 0, "value": {"sku": "a"}}, {"index": 1, "value": {"sku": "b"}}]
    assert second.document["items"] == [{"index": 2, "value": {"sku": "c"}}]
    assert first.document["steps"] == {"list": {"phase": "Succeeded", "output": {"day": "Monday"}}}
    assert story.state.step("list").output == {"rows": rows, "day": "Monday"}
    assert "item" not in first.document


def test_attempts_of_batches_have_names_and_digests_of_their_own():
    story = a_story(3)
    commands = starts(story)
    assert len({command.name for command in commands}) == 3
    assert len({command.digest for command in commands}) == 3
    assert [batch.digest for batch in items_of(story).active.values()] == [command.digest for command in commands]


def test_a_batch_that_backs_off_leaves_its_place_to_the_next_and_comes_before_later_ones():
    story = a_story(4, max_parallel=1, retry=Retry(limit=1, initial=seconds(10)), tolerated=1)
    story.end_batch("rows", 0, *bad(0))
    assert story.started[-1] == AttemptId("rows", 1, 1)
    assert story.last.wake_at == story.now + seconds(10)
    story.later(seconds(10))
    story.end_batch("rows", 1, *good(1))
    assert story.started[-1] == AttemptId("rows", 2, 0)


def test_batches_that_back_off_do_not_pile_up_in_the_run_object():
    story = a_story(50, max_parallel=3, retry=Retry(limit=5, initial=seconds(60)), tolerated=50)
    for _ in range(20):
        for number, batch in list(items_of(story).active.items()):
            if batch.phase.alive:
                story.end_batch("rows", number, *bad(number))
    assert len(items_of(story).active) == 6
    assert all(batch.phase is StepPhase.BACKOFF for batch in items_of(story).active.values())


def test_a_cancelled_run_starts_no_further_batch_and_stops_those_that_live():
    story = a_story(4, max_parallel=2)
    story.end_batch("rows", 0, *good(0))
    story.cancel()
    assert story.phases() == {"rows": "Cancelled"}
    stopped = [command.id for command in story.last.commands if type(command).__name__ == "StopAttempt"]
    assert stopped == [AttemptId("rows", 1, 1), AttemptId("rows", 1, 2)]
    assert items_of(story).succeeded.text() == "0"
    assert len(story.started) == 3


def test_finally_waits_for_the_last_pod_of_a_step_that_was_cancelled():
    story = a_story(2, a_step("audit", final=True))
    story.cancel()
    assert AttemptId("audit", 1) not in story.started
    for at, fact in list(story.attempts.items()):
        story.attempts[at] = type(fact)("Failed", fact.digest, fact.uid)
    story.look()
    assert story.started[-1] == AttemptId("audit", 1)


def test_one_gate_stands_before_all_items():
    pinned = {"image": "registry/python@sha256:aa"}
    story = a_story(3, gate=GATE, program=pinned)
    (ask,) = [command for command in story.last.commands if isinstance(command, AskGate)]
    assert ask.subject["items"] == {"total": 3, "digest": items_of(story).digest}
    assert story.started == []
    story.vote("rows", "alice")
    assert [at.batch for at in story.started] == [0, 1, 2]
    story.end_batch("rows", 0, *good(0))
    assert len([command for command in story.last.commands if isinstance(command, AskGate)]) == 0


def test_what_was_approved_is_what_every_batch_runs_however_late_it_starts():
    story = a_story(2, gate=GATE, program={"image": "registry/python@sha256:aa"}, max_parallel=1)
    story.vote("rows", "alice")
    other = replace(story.plan.steps["rows"], program=MappingProxyType({"image": "registry/python@sha256:bb"}))
    story.plan = a_plan(other)
    story.end_batch("rows", 0, *good(0))
    assert story.started == [AttemptId("rows", 1, 0)]
    assert story.state.step("rows").failure.code == "SUPERSEDED"
    assert "after it was approved" in story.state.step("rows").failure.reason


def test_each_item_of_a_container_has_its_own_program():
    story = containers(2)
    questions = [question for question in story.last.questions if isinstance(question, Fill)]
    assert [(each.scope["item"], each.scope["itemIndex"]) for each in questions] == [("row 0", 0), ("row 1", 1)]
    argument(story, 0, "row 0; rm -rf /")
    argument(story, 1, {"n": 1})
    story.look()
    assert [command.program["args"] for command in starts(story)] == [["row 0; rm -rf /"], ['{"n":1}']]
    assert len({command.digest for command in starts(story)}) == 2
    before = story.state
    story.attempts.clear()
    story.look()
    assert len(starts(story)) == 2
    assert story.state == before, "asked again they are what was written down"


def test_an_item_whose_program_cannot_be_made_fails_alone_and_its_place_is_given_on():
    story = containers(3, max_parallel=2, tolerated=1)
    argument(story, 0, error="no such key")
    argument(story, 1, "b")
    argument(story, 2, "c")
    story.look()
    assert story.started == [AttemptId("rows", 1, 1)]
    assert [(each.index, each.failure.code) for each in items_of(story).failures] == [(0, "EXPRESSION_ERROR")]
    assert story.last.wake_at == story.now, "nothing else would have it looked at"
    story.look()
    assert story.started == [AttemptId("rows", 1, 1), AttemptId("rows", 1, 2)]
