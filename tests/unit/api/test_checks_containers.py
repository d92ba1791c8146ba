"""Mistakes in `container` steps, found before anything runs."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.compile import compile_workflow
from penstock.engine.model import StepKind
from tests.unit.api.reading import problems, steps_text, the_problem, workflow

DIGEST = "sha256:" + "1" * 64
CASES = {
    "a gate in front of an image by tag": (
        "- {name: a, container: {image: 'tool:1.2'}, requiresApproval: {approvers: {users: [u@x]}}}",
        ("spec.steps[0].container.image", "may be another image tomorrow", "@sha256:"),
    ),
    "a program that a value would choose": (
        "- {name: a, container: {image: tool, command: ['{{ run.name }}']}}",
        ("spec.steps[0].container.command[0]", "no value of a run may choose that", "`args` or `env`"),
    ),
    "a value within a shell's program": (
        "- {name: a, container: {image: tool, command: [sh, -c], args: ['echo {{ run.name }}']}}",
        ("spec.steps[0].container.args[0]", "read as a part of that program", '"sh", "{{ context.name }}"'),
    ),
    "a value within a program of a shell with a path and more options": (
        "- {name: a, container: {image: tool, command: [/bin/bash], args: [-ec, 'echo {{ run.name }}']}}",
        ("spec.steps[0].container.args[1]", "read as a part of that program", "an argument of its own"),
    ),
    "a value within Python": (
        "- {name: a, container: {image: tool, command: [python3, -c], args: ['print({{ run.name }})']}}",
        ("spec.steps[0].container.args[0]", "read as a part of that program", "an argument of its own after this one"),
    ),
    "a name that is no image": (
        "- {name: a, container: {image: 'tool 1.2'}}",
        ("spec.steps[0].container.image", "not a reference to an image", "registry.example/tool:1.2"),
    ),
    "no image": (
        "- {name: a, container: {args: [x]}}",
        ("spec.steps[0].container.image", "`image` is missing", "Add `image: registry.example"),
    ),
    "the superuser": (
        "- {name: a, container: {image: tool, runAsUser: 0}}",
        ("spec.steps[0].container.runAsUser", "`runAsUser`", "1"),
    ),
    "a step that is not needed, in an argument": (
        """
        - {name: b, script: {runtime: bash, source: "true"}}
        - {name: a, container: {image: tool, args: ['{{ steps.b.output }}']}}
        """,
        ("spec.steps[1].container.args[0]", "`a` does not need `b`", "Add `b` to `needs` of `a`"),
    ),
    "a placeholder of scripts in a variable": (
        "- {name: a, container: {image: tool}, env: [{name: WHO, value: '{{context_name}}'}]}",
        ("spec.steps[0].env[0].value", "`context_name` is not known here", "Write `context.name`; only in a script"),
    ),
}


@pytest.mark.parametrize(("steps", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(steps: str, expected: tuple[str, str, str]):
    path, message, fix = expected

    problem = the_problem(steps_text(steps))

    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix


@pytest.mark.parametrize(
    "step",
    [
        "{name: a, container: {image: 'localhost:5000/team/tool:1.2', args: ['{{ run.name }}', plain]}}",
        "{name: a, container: {image: tool, command: [sh, -c, 'echo \"$1\"'], args: [sh, '{{ run.name }}']}}",
        "{name: a, container: {image: tool, args: [-c, '{{ run.name }}']}}",
        f"{{name: a, container: {{image: 'tool@{DIGEST}'}}, requiresApproval: {{approvers: {{users: [u@x]}}}}}}",
    ],
    ids=["a value as an argument", "a value beside a shell's program", "no shell that is known", "a pinned image"],
)
def test_what_is_right_is_let_through(step: str):
    assert problems(steps_text(f"- {step}")) == []


def test_the_program_says_all_that_the_container_is_made_of():
    step = """
    - name: a
      container:
        image: tool
        command: [run]
        args: ['{{ run.name }}']
        workingDir: /data
        runAsUser: 1000
        outputFrom: log
      env: [{name: REGION, value: eu}]
      timeout: 90s
    """
    compiled = compile_workflow(workflow(steps_text(step)).spec, images={}, check_expression=lambda text: None)
    assert compiled.plan is not None
    plan = compiled.plan.steps["a"]
    assert plan.kind is StepKind.CONTAINER
    assert plan.templates == {"args": ["{{ run.name }}"]}
    assert plan.program == {
        "kind": "container",
        "image": "tool",
        "command": ["run"],
        "args": ["{{ run.name }}"],
        "workingDir": "/data",
        "runAsUser": 1000,
        "outputFrom": "log",
        "env": [{"name": "REGION", "value": "eu"}],
        "timeoutSeconds": 90,
    }
