"""Where `cache` may stand, found before anything runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.api.v1alpha1.compile import compile_workflow
from penstock.engine.model import Cache
from tests.unit.api.reading import problems, steps_text, the_problem, workflow, workflow_text

PINNED = "tool@sha256:" + "1" * 64
SCRIPT = 'script: {runtime: bash, source: "true"}'
CASES = {
    "behind a gate of its own": (
        f"- {{name: a, {SCRIPT}, cache: {{ttl: 1h}}, requiresApproval: {{approvers: {{users: [u@x]}}}}}}",
        ("spec.steps[0].cache", "never takes an earlier output", "move what may be reused to a step before the gate"),
    ),
    "on a gate": (
        "- {name: a, approval: {approvers: {users: [u@x]}}, cache: {ttl: 1h}}",
        ("spec.steps[0].cache", "asks people in each run", "Remove `cache`"),
    ),
    "on a pause": (
        "- {name: a, wait: {duration: 1s}, cache: {ttl: 1h}}",
        ("spec.steps[0].cache", "gives no output", "Remove `cache`"),
    ),
    "on a run of its own": (
        "- {name: a, workflow: {name: inner}, cache: {ttl: 1h}}",
        ("spec.steps[0].cache", "has its own run", "Put `cache` on the steps of that Workflow"),
    ),
    "on items": (
        f"- {{name: a, {SCRIPT}, cache: {{ttl: 1h}}, forEach: '[1, 2]'}}",
        ("spec.steps[0].cache", "runs its items in each run", "Remove `cache`"),
    ),
    "with an image that may change": (
        "- {name: a, container: {image: 'tool:1'}, cache: {ttl: 1h}}",
        ("spec.steps[0].container.image", "may be another image tomorrow", "registry.example/tool@sha256"),
    ),
    "for no time": (
        f"- {{name: a, {SCRIPT}, cache: {{ttl: 0s}}}}",
        ("spec.steps[0].cache.ttl", "too old at once", "such as `1h`"),
    ),
    "without saying for how long": (
        f"- {{name: a, {SCRIPT}, cache: {{}}}}",
        ("spec.steps[0].cache.ttl", "`ttl` is missing", "ttl"),
    ),
    "with a key that knows no such step": (
        f"- {{name: a, {SCRIPT}, cache: {{ttl: 1h, key: steps.b.output}}}}",
        ("spec.steps[0].cache.key", "there is no step `b`", "steps"),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(steps: str, expected: tuple[str, str, str]):
    path, message, fix = expected

    problem = the_problem(steps_text(steps))

    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix


def test_a_step_of_finally_is_there_for_what_it_does():
    text = workflow_text(f"steps: [{{name: a, {SCRIPT}}}]\nfinally: [{{name: b, {SCRIPT}, cache: {{ttl: 1h}}}}]")

    problem = the_problem(text)

    assert (problem.path, problem.fix) == ("spec.finally[0].cache", "Remove `cache`.")


@pytest.mark.parametrize(
    "step",
    [
        f"{{name: a, {SCRIPT}, cache: {{ttl: 1h}}}}",
        f"{{name: a, {SCRIPT}, cache: {{ttl: 90s, key: context.version}}, retry: {{limit: 2}}}}",
        f"{{name: a, container: {{image: {PINNED!r}}}, cache: {{ttl: 7d}}}}",
    ],
    ids=["a script", "with a key and another attempt", "a container whose image is pinned"],
)
def test_what_is_right_is_let_through(step: str):
    assert problems(steps_text(f"- {step}")) == []


def test_the_plan_says_for_how_long_and_with_which_key():
    step = f"- {{name: a, {SCRIPT}, cache: {{ttl: 1h30m, key: context.version}}}}"
    compiled = compile_workflow(
        workflow(steps_text(step)).spec, images={"bash": ""}, check_expression=lambda text: None
    )
    assert compiled.plan is not None
    assert compiled.plan.steps["a"].cache == Cache(timedelta(minutes=90), "context.version")
