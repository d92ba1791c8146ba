"""Steps that take the output which an equal step gave in another run."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from penstock.engine.commands import FindCached
from penstock.engine.facts import CachedOutput, Value
from penstock.engine.keeping import INLINE_OUTPUT
from penstock.engine.model import AttemptId, Cache, CachedFrom, Retry, RunPhase, StepKind
from tests.support.plans import GATE, NOON, RUN, Story, a_gate, a_plan, a_step, seconds

OF_A_WORKFLOW = replace(RUN, workflow="orders")
HOUR = Cache(timedelta(hours=1))
EARLIER = CachedFrom("order-0", NOON - timedelta(minutes=30))


def a_story(*steps, run=OF_A_WORKFLOW):
    story = Story(a_plan(*steps))
    story.run = run
    return story


def asked(story):
    """What is looked for, by step."""
    return {question.step: question for question in story.last.questions if isinstance(question, FindCached)}


def answer(story, step, output=None, *, found=True):
    story.cached[asked(story)[step].digest] = CachedOutput(EARLIER, output) if found else None
    return story.look()


def digest_of(step, *, run=OF_A_WORKFLOW, key=None, earlier=()):
    """What the output of a step is known by; `earlier` steps have given these outputs."""
    story = a_story(*(a_step(name) for name, _ in earlier), step, run=run)
    if key is not None:
        story.values[step.name, "cache.key"] = Value(key)
    story.look()
    for name, output in earlier:
        story.end(name, output)
    return asked(story)[step.name].digest


def test_an_earlier_output_is_taken_and_nothing_is_started():
    story = a_story(a_step("rates", cache=HOUR))
    story.look()
    answer(story, "rates", {"eur": 1.1})
    state = story.state.step("rates")
    assert (state.phase, state.output, state.cached) == ("Succeeded", {"eur": 1.1}, EARLIER)
    assert (state.attempt, state.started_at, state.finished_at) == (0, None, NOON)
    assert story.started == []
    assert (story.state.phase, story.state.output) == (RunPhase.SUCCEEDED, {"eur": 1.1})


def test_without_one_the_step_runs_and_is_known_to_later_runs():
    story = a_story(a_step("rates", cache=HOUR))
    story.look()
    digest = asked(story)["rates"].digest
    answer(story, "rates", found=False)
    assert story.started == [AttemptId("rates", 1)]
    story.end("rates", 7)
    assert (story.state.step("rates").cache_digest, story.state.step("rates").cached) == (digest, None)


def test_what_is_older_than_the_ttl_is_not_wanted():
    story = a_story(a_step("rates", cache=HOUR))
    story.look()
    assert asked(story)["rates"].since == NOON - timedelta(hours=1)


def test_a_step_behind_one_that_was_taken_goes_on_with_its_output_in_the_same_pass():
    story = a_story(a_step("rates", cache=HOUR), a_step("report", "rates"))
    story.look()
    answer(story, "rates", {"eur": 1.1})
    assert story.started == [AttemptId("report", 1)]
    assert story.last.commands[0].document["steps"]["rates"] == {"phase": "Succeeded", "output": {"eur": 1.1}}


def test_a_large_output_is_kept_with_this_run_too():
    story = a_story(a_step("rates", cache=HOUR))
    story.look()
    large = {"text": "x" * INLINE_OUTPUT}
    answer(story, "rates", large)
    ref = story.state.step("rates").stored
    assert story.kept[ref.name] == large


def test_an_output_that_there_is_no_room_for_is_made_anew():
    from penstock.engine.decide import decide
    from penstock.engine.facts import Stored

    story = a_story(a_step("rates", cache=HOUR))
    story.look()
    story.cached[asked(story)["rates"].digest] = CachedOutput(EARLIER, {"text": "x" * INLINE_OUTPUT})
    (question,) = decide(story.plan, story.state, story.facts, NOON).questions
    story.stored[question.ref.name] = Stored("the quota is used up")
    story.look()
    assert story.started == [AttemptId("rates", 1)]


@pytest.mark.parametrize(
    ("step", "other"),
    [
        pytest.param({}, {"run": {"context": {"total": 1}}}, id="context"),
        pytest.param({}, {"program": {"kind": "script", "runtime": "bash", "source": "echo other"}}, id="script"),
        pytest.param({}, {"program": {"kind": "script", "image": "registry/bash@sha256:bb"}}, id="image"),
        pytest.param({"key": "a"}, {"key": "b"}, id="key"),
        pytest.param({"earlier": ({"n": 1},)}, {"earlier": ({"n": 2},)}, id="output of an earlier step"),
    ],
)
def test_another_input_is_another_output(step, other):
    assert _digest(**step) != _digest(**other)


def test_the_same_input_is_known_again_whatever_the_run_is_called_and_whoever_asked():
    other = {"name": "order-2", "uid": "uid-2", "user": "carol", "client": "x", "idempotency_key": "k"}
    assert _digest() == _digest(run=other)
    assert _digest(earlier=({"n": 1},)) == _digest(earlier=({"n": 1},), run=other)


def _digest(*, run=None, program=None, key=None, earlier=()):
    fields = {"program": MappingProxyType(program)} if program else {}
    cache = Cache(timedelta(hours=1), "context.key" if key else None)
    needs = ["before"] if earlier else []
    step = a_step("rates", *needs, cache=cache, **fields)
    of = replace(OF_A_WORKFLOW, **(run or {}))
    return digest_of(step, run=of, key=key, earlier=[("before", output) for output in earlier])


def test_of_a_container_only_its_own_words_are_compared_for_it_gets_nothing_else():
    program = MappingProxyType({"kind": "container", "image": "tool@sha256:aa", "args": ["--region", "eu"]})
    step = replace(a_step("rates", cache=HOUR, program=program), kind=StepKind.CONTAINER)
    other = replace(OF_A_WORKFLOW, context=MappingProxyType({"total": 1}))
    assert digest_of(step) == digest_of(step, run=other)
    us = MappingProxyType({**program, "args": ["--region", "us"]})
    assert digest_of(step) != digest_of(replace(step, program=us))


def test_a_run_that_wants_everything_anew_takes_nothing_but_gives():
    story = a_story(a_step("rates", cache=HOUR))
    story.no_cache = True
    story.look()
    assert story.started == [AttemptId("rates", 1)]
    assert story.state.step("rates").cache_digest == digest_of(a_step("rates", cache=HOUR))


def test_an_inline_run_neither_takes_nor_gives():
    story = a_story(a_step("rates", cache=HOUR), run=RUN)
    story.look()
    assert story.started == [AttemptId("rates", 1)]
    assert story.state.step("rates").cache_digest is None


def test_what_stands_behind_a_gate_of_its_own_never_takes_anything():
    pinned = MappingProxyType({"image": "registry/python@sha256:aa"})
    story = a_story(a_step("pay", gate=GATE, program=pinned, cache=HOUR))
    story.look()
    story.vote("pay", "alice")
    assert story.started == [AttemptId("pay", 1)]
    assert story.state.step("pay").cache_digest is None


def test_a_step_after_an_approval_waits_for_the_decision_of_this_run():
    story = a_story(a_gate("release"), a_step("rates", "release", cache=HOUR))
    story.look()
    assert asked(story) == {}
    assert story.state.step("rates").phase == "Pending"
    story.vote("release", "alice")
    answer(story, "rates", 7)
    assert story.phases() == {"release": "Succeeded", "rates": "Succeeded"}


def test_a_step_that_is_skipped_or_held_looks_for_nothing():
    story = a_story(a_step("rates", cache=HOUR, when="context.x"))
    story.suspended = True
    story.look()
    assert story.last.questions == ()
    story.suspended = False
    story.evaluate("rates", "when", False)
    assert (story.state.step("rates").phase, story.state.step("rates").cached) == ("Skipped", None)


def test_another_attempt_takes_nothing():
    story = a_story(a_step("rates", cache=HOUR, retry=Retry(limit=1, initial=seconds(1))))
    story.look()
    answer(story, "rates", found=False)
    story.end("rates", code="BROKEN")
    story.cached.clear()
    story.later(seconds(2))
    assert story.started == [AttemptId("rates", 1), AttemptId("rates", 2)]


def test_a_key_that_cannot_be_worked_out_fails_the_step():
    story = a_story(a_step("rates", cache=Cache(timedelta(hours=1), "context.version")))
    story.look()
    story.evaluate("rates", "cache.key", error="no such key: version")
    failure = story.state.failure
    assert (failure.code, failure.reason) == ("EXPRESSION_ERROR", "cache.key: no such key: version")
    assert story.started == []


def test_an_output_that_was_taken_has_to_fit_the_schema_like_any_other():
    story = a_story(a_step("rates", cache=HOUR))
    story.plan = replace(story.plan, output_schema={"type": "object"})
    story.look()
    answer(story, "rates", 7)
    story.misfits = ("output: 7 is not of type 'object'",)
    story.look()
    assert (story.state.phase, story.state.failure.code) == (RunPhase.FAILED, "OUTPUT_INVALID")
    assert story.state.step("rates").phase == "Succeeded"


def test_cancelling_leaves_what_was_taken_as_it_is():
    story = a_story(a_step("rates", cache=HOUR), a_step("report", "rates"))
    story.look()
    answer(story, "rates", 7)
    story.cancel()
    assert story.phases() == {"rates": "Succeeded", "report": "Cancelled"}
