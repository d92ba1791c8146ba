"""A run that retries another one."""

from __future__ import annotations

from penstock.engine.model import AttemptId, OnFailure, RunPhase
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
