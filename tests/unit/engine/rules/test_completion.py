"""How runs end."""

from __future__ import annotations

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
