"""A run begins when it is its turn; what else may become of it is decided before anything of it starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from penstock.engine.commands import AskTurn, CancelRun, Evaluate
from penstock.engine.decide import Change, change
from penstock.engine.facts import Turn
from penstock.engine.model import Concurrency, OnLimit
from penstock.engine.rules.concurrency import key_text
from tests.support.plans import RUN, Story, a_plan, a_step

OF_ORDER = replace(RUN, workflow="order")


def a_story(*, run=OF_ORDER, final=(), **limits):
    return Story(a_plan(a_step("ship"), *final, concurrency=Concurrency(**limits)), run=run)


def told(story, **turn):
    story.turn = Turn(**turn)
    return story.look()


def asked_to_stop(story):
    return [command.name for command in story.last.commands if isinstance(command, CancelRun)]


def test_without_a_limit_nobody_is_asked():
    story = Story(a_plan(a_step("ship")), run=OF_ORDER)
    story.look()
    assert story.started
    assert story.state.concurrency_key is None


def test_an_inline_run_belongs_to_no_line():
    story = a_story(run=RUN)
    story.look()
    assert story.started


def test_a_turn_is_asked_for_before_anything_is_decided():
    story = a_story(limit=3)
    assert story.look().questions == (AskTurn("order", 3),)
    assert story.state.phase == "Pending"


def test_the_key_is_worked_out_first():
    story = a_story(key="context.region")
    (question,) = story.look().questions
    assert isinstance(question, Evaluate)
    assert (question.field, question.expression) == ("concurrency.key", "context.region")
    assert story.evaluate("", "concurrency.key", "eu").questions == (AskTurn("eu", 1),)


def test_with_a_turn_it_begins_at_once_and_the_key_is_written_down():
    story = a_story()
    told(story, granted=True)
    assert (story.state.phase, story.state.concurrency_key) == ("Running", "order")
    assert [at.step for at in story.started] == ["ship"]


@pytest.mark.parametrize(
    ("turn", "want"),
    [
        pytest.param(
            {"ahead": 0, "holders": ("order-0",)}, "its turn: it is next, order-0 is under way (limit 2)", id="next"
        ),
        pytest.param(
            {"ahead": 1, "holders": ("a", "b")},
            "its turn: 1 run is ahead of it, a, b are under way (limit 2)",
            id="one ahead",
        ),
        pytest.param(
            {"ahead": 11, "holders": ("a", "b", "c", "d", "e")},
            "its turn: more than 10 runs are ahead of it, a, b, c and 2 more are under way (limit 2)",
            id="far behind",
        ),
    ],
)
def test_without_one_it_waits_and_says_for_whom(turn, want):
    story = a_story(limit=2)
    told(story, granted=False, **turn)
    assert (story.state.phase, story.state.queued, story.state.started_at) == ("Pending", want, None)
    assert story.started == []


def test_the_key_is_named_where_there_are_several():
    story = a_story(key="context.region")
    story.evaluate("", "concurrency.key", "eu")
    told(story, granted=False, holders=("order-0",))
    assert story.state.queued == "its turn: it is next, order-0 is under way (limit 1 for key `eu`)"


def test_that_it_waits_is_written_at_once_and_how_long_the_line_is_when_there_is_time():
    story = a_story()
    before = story.state
    told(story, granted=False, ahead=2, holders=("order-0",))
    assert change(before, story.state) is Change.HARD
    before = story.state
    told(story, granted=False, ahead=1, holders=("order-0",))
    assert change(before, story.state) is Change.SOFT
    before = story.state
    told(story, granted=True)
    assert change(before, story.state) is Change.HARD


def test_it_begins_when_its_turn_has_come():
    story = a_story()
    told(story, granted=False, holders=("order-0",))
    told(story, granted=True)
    assert (story.state.phase, story.state.queued) == ("Running", None)
    assert story.started


def test_nothing_is_said_while_nobody_can_tell_whose_turn_it_is():
    for on_limit in OnLimit:
        story = a_story(on_limit=on_limit)
        told(story, granted=False, sure=False, holders=("order-0",), older=("order-0",))
        assert (story.state.phase, story.state.queued, story.last.commands) == ("Pending", None, ())


def test_reject_fails_before_anything_starts():
    story = a_story(on_limit=OnLimit.REJECT, final=(a_step("audit", final=True),))
    told(story, granted=False, holders=("order-0",))
    assert story.state.phase == "Failed"
    failure = story.state.failure
    assert failure.code == "CONCURRENCY_LIMIT"
    assert "order-0 is under way" in failure.reason
    assert "limit 1" in failure.reason
    assert story.started == []


@pytest.mark.parametrize(
    ("limit", "older", "want"),
    [
        pytest.param(1, ("a",), ["a"], id="the one that is under way"),
        pytest.param(1, ("a", "b", "c"), ["a", "b", "c"], id="those that wait too"),
        pytest.param(2, ("a", "b", "c"), ["a", "b"], id="as few as make room"),
        pytest.param(4, ("a", "b", "c"), [], id="nobody where there will be room"),
        pytest.param(1, (), [], id="nobody who stops already"),
    ],
)
def test_replace_stops_the_oldest(limit, older, want):
    story = a_story(limit=limit, on_limit=OnLimit.REPLACE)
    told(story, granted=False, holders=("a",), older=older)
    assert asked_to_stop(story) == want
    assert story.state.phase == "Pending"
    assert story.state.queued is not None


def test_replace_asks_for_the_names():
    assert a_story(on_limit=OnLimit.REPLACE).look().questions == (AskTurn("order", 1, name_older=True),)


def test_a_run_that_is_cancelled_in_line_ends_without_a_trace():
    story = a_story(final=(a_step("audit", final=True),))
    told(story, granted=False, holders=("order-0",))
    story.cancel()
    assert (story.state.phase, story.state.queued) == ("Cancelled", None)
    assert story.state.finished_at == story.now
    assert story.started == []


def test_a_run_that_is_held_in_line_takes_no_turn():
    story = a_story()
    story.suspended = True
    told(story, granted=True)
    assert (story.state.phase, story.started) == ("Pending", [])
    assert "spec.suspend" in story.state.queued
    story.suspended = False
    told(story, granted=True)
    assert (story.state.phase, story.state.queued) == ("Running", None)


def test_its_timeout_does_not_count_in_line():
    story = a_story()
    told(story, granted=False, holders=("order-0",))
    assert story.last.wake_at is None


@pytest.mark.parametrize(
    ("value", "want"),
    [("eu", "eu"), ("", ""), (7, "7"), (7.0, "7"), (0.5, "0.5"), (True, "true"), (False, "false")],
)
def test_keys_are_text(value, want):
    assert key_text(value) == want


@pytest.mark.parametrize("value", [None, ["eu"], {"a": 1}, "x" * 254], ids=["null", "a list", "a map", "too long"])
def test_what_can_be_no_key_fails_the_run(value):
    story = a_story(key="context.region")
    story.evaluate("", "concurrency.key", value)
    assert (story.state.phase, story.state.failure.code) == ("Failed", "EXPRESSION_ERROR")
    assert "concurrency.key" in story.state.failure.reason
    assert "context.region" in story.state.failure.reason
    assert story.started == []


def test_a_key_that_cannot_be_worked_out_fails_the_run():
    story = a_story(key="context.region")
    story.evaluate("", "concurrency.key", error="there is no `region`")
    assert story.state.phase == "Failed"
    assert "there is no `region`" in story.state.failure.reason
