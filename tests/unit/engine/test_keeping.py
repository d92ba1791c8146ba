"""Where outputs go: into the run object, beside it, or nowhere."""

from __future__ import annotations

import json

import pytest

from penstock.engine.commands import StoreOutput
from penstock.engine.decide import decide
from penstock.engine.facts import AttemptFact, AttemptPhase, Stored
from penstock.engine.model import AttemptId
from tests.support.plans import Story, a_plan, a_step

LARGE = "x" * 5000


def ended(*outputs):
    """A run whose steps s0, s1, ... have given back these outputs, and that still has a step to go."""
    story = Story(a_plan(*[a_step(f"s{number}") for number in range(len(outputs))], a_step("last")))
    story.look()
    for number, output in enumerate(outputs):
        story.end(f"s{number}", output)
    return story


def kept_beside(story):
    return {name: step.stored.size for name, step in story.state.steps.items() if step.stored is not None}


def test_a_small_output_stands_in_the_run_object():
    story = ended({"id": 1})
    assert kept_beside(story) == {}
    assert story.state.step("s0").output == {"id": 1}


def test_an_output_over_4_kib_is_kept_beside_it_and_is_the_same_to_whoever_reads_it():
    story = ended(LARGE)
    assert kept_beside(story) == {"s0": 5002}
    assert story.state.step("s0").output == LARGE


def test_the_limit_counts_bytes_not_characters():
    assert kept_beside(ended("ä" * 2047)) == {}
    assert kept_beside(ended("ä" * 2048)) == {"s0": 4098}


def test_small_outputs_go_beside_the_run_object_once_it_holds_64_kib_of_them():
    story = ended(*["x" * 4000] * 17)
    assert kept_beside(story) == {"s16": 4002}


def test_nothing_is_decided_before_the_output_is_kept():
    story = Story(a_plan(a_step("a"), a_step("b", "a", when="steps.a.output != ''")))
    story.look()
    digest = story.state.step("a").digest
    story.attempts[AttemptId("a", 1)] = AttemptFact(AttemptPhase.SUCCEEDED, digest, "uid-a-1", output=LARGE)

    decided = decide(story.plan, story.state, story.facts, story.now)

    # Nor is an expression worked out from it: it might not be kept after all.
    [question] = decided.questions
    assert isinstance(question, StoreOutput)
    assert question.value == LARGE
    assert json.loads(question.text) == LARGE


def test_an_output_that_cannot_be_kept_fails_its_step():
    story = Story(a_plan(a_step("a")))
    story.look()
    digest = story.state.step("a").digest
    story.attempts[AttemptId("a", 1)] = AttemptFact(AttemptPhase.SUCCEEDED, digest, "uid-a-1", output=LARGE)
    [question] = decide(story.plan, story.state, story.facts, story.now).questions
    story.stored[question.ref.name] = Stored("the quota of the namespace is used up")

    story.look()

    assert (story.state.failure.code, story.state.failure.step) == ("OUTPUT_NOT_STORED", "a")
    assert "the quota of the namespace is used up" in story.state.failure.reason


@pytest.mark.parametrize(
    ("output", "code", "words"),
    [
        pytest.param("x" * 921_600, "OUTPUT_TOO_LARGE", "921,602 bytes; 921,600 is the limit", id="over 900 KiB"),
        pytest.param(float("nan"), "OUTPUT_INVALID", "NaN", id="an output that JSON cannot say"),
        pytest.param({"a": [10**400]}, "OUTPUT_INVALID", "1e308", id="a number that an API server cannot keep"),
    ],
)
def test_outputs_that_nobody_can_keep_fail_their_step(output, code, words):
    story = ended(output)
    assert story.state.step("s0").failure.code == code
    assert words in story.state.step("s0").failure.reason


def test_the_output_of_a_run_is_kept_where_its_last_step_keeps_it():
    story = Story(a_plan(a_step("a")))
    story.look()
    story.end("a", LARGE)
    assert story.state.phase == "Succeeded"
    assert story.state.output == LARGE
    assert story.state.stored == story.state.step("a").stored


def test_an_output_that_is_worked_out_at_the_end_is_kept_beside_the_run_object_too():
    story = Story(a_plan(a_step("a"), output_from="[steps.a.output, steps.a.output]"))
    story.look()
    story.end("a", "x" * 3000)
    story.evaluate("", "output", ["x" * 3000] * 2)
    assert story.state.phase == "Succeeded"
    assert story.state.stored.size == 6007
    assert kept_beside(story) == {}


def test_what_the_run_keeps_already_is_not_kept_twice():
    story = Story(a_plan(a_step("a"), a_step("b", "a"), output_from="steps.a.output"))
    story.look()
    story.end("a", LARGE)
    story.stored.clear()
    story.end("b")
    story.evaluate("", "output", LARGE)
    assert story.stored == {}
    assert story.state.stored == story.state.step("a").stored


def test_a_run_whose_output_is_too_large_fails_with_the_limit_named():
    story = Story(a_plan(a_step("a"), output_from="[steps.a.output, steps.a.output]"))
    story.look()
    story.end("a", "x" * 500_000)
    story.evaluate("", "output", ["x" * 4_500_000] * 2)
    assert (story.state.phase, story.state.failure.code) == ("Failed", "OUTPUT_TOO_LARGE")
