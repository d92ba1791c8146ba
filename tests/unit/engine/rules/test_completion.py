"""How runs end."""

from __future__ import annotations

from penstock.engine.commands import CheckOutput
from tests.support.plans import Story, a_gate, a_plan, a_step


def test_the_output_is_that_of_the_last_listed_step_with_a_program():
    story = Story(a_plan(a_step("a"), a_gate("g", "a"), a_step("audit", final=True)))
    story.look()
    story.end("a", {"id": 1})
    story.vote("g", "alice")
    story.end("audit", "ignored")
    assert (story.state.phase, story.state.output) == ("Succeeded", {"id": 1})


def test_outputs_from_is_evaluated_at_the_end():
    story = Story(a_plan(a_step("a"), output_from="steps.a.output.id"))
    story.look()
    story.end("a", {"id": 1})
    assert story.state.phase == "Running"
    story.evaluate("", "output", 1)
    assert (story.state.phase, story.state.output) == ("Succeeded", 1)


def test_an_output_that_cannot_be_worked_out_fails_the_run():
    story = Story(a_plan(a_step("a"), output_from="steps.a.output.id"))
    story.look()
    story.end("a", {})
    story.evaluate("", "output", error="no field `id`")
    assert (story.state.phase, story.state.failure.code) == ("Failed", "EXPRESSION_ERROR")


def test_a_failing_finally_fails_the_run():
    story = Story(a_plan(a_step("a"), a_step("audit", final=True)))
    story.look()
    story.end("a")
    story.end("audit", code="NO_DISK")
    assert (story.state.phase, story.state.failure.code) == ("Failed", "NO_DISK")


def test_nothing_changes_a_finished_run():
    story = Story(a_plan(a_step("a")))
    story.look()
    story.end("a", 1)
    before = story.state
    story.attempts.clear()
    story.look()
    assert story.state == before
    assert story.last.commands == ()


SCHEMA = {"type": "object", "required": ["id"]}


def a_story_that_promises_an_id(output):
    story = Story(a_plan(a_step("a"), output_schema=SCHEMA))
    story.look()
    story.end("a", output)
    return story


def test_an_output_is_held_against_the_schema_before_the_run_ends():
    story = a_story_that_promises_an_id({"id": 1})
    assert story.last.questions == (CheckOutput(SCHEMA, {"id": 1}),)
    story.misfits = ()
    story.look()
    assert (story.state.phase, story.state.output) == ("Succeeded", {"id": 1})


def test_a_run_whose_output_does_not_fit_fails_and_says_what_is_wrong():
    story = a_story_that_promises_an_id({})
    story.misfits = ("output.id: `id` is required and is missing. Fix: Add `id`.",)
    story.look()
    assert (story.state.phase, story.state.failure.code) == ("Failed", "OUTPUT_INVALID")
    assert "`id` is required and is missing. Fix: Add `id`." in story.state.failure.reason
    assert story.state.output is None


def test_of_many_misfits_the_first_are_listed_and_the_rest_counted():
    story = a_story_that_promises_an_id({})
    story.misfits = tuple(f"misfit {number}" for number in range(50))
    story.look()
    assert "misfit 4" in story.state.failure.reason
    assert "misfit 5" not in story.state.failure.reason
    assert "and 45 more" in story.state.failure.reason


def test_an_output_that_does_not_fit_is_kept_nowhere():
    story = a_story_that_promises_an_id(["x" * 5000])
    story.misfits = ("output: It must be a mapping.",)
    kept = story.stored.copy()
    story.look()
    assert story.state.stored is None
    assert story.stored == kept


def test_without_any_output_the_schema_holds_all_the_same():
    story = a_story_that_promises_an_id(None)
    assert story.last.questions == (CheckOutput(SCHEMA, None),)
