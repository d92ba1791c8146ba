"""A document with any mix of mistakes gets all of them in one go, in plain words."""

from __future__ import annotations

from typing import Any

import pytest

from penstock.api.v1alpha1.parse import parse_run, parse_workflow
from tests.unit.api.reading import problems, read, steps_text, the_problem, workflow_text

STEP = 'script: {runtime: bash, source: "true"}'

SHAPE = {
    "a hyphen in a step's name": (
        f"- {{name: send-email, {STEP}}}",
        ("spec.steps[0].name", "CEL reads a hyphen as minus", "Write `send_email`."),
    ),
    "capitals in a step's name": (
        f"- {{name: SendEmail, {STEP}}}",
        ("spec.steps[0].name", "is not a step name", "Write `send_email`."),
    ),
    "a step without a name": (f"- {{{STEP}}}", ("spec.steps[0].name", "`name` is missing", "Add `name: charge`")),
    "a misspelt field": (
        f"- {{name: a, {STEP}, need: []}}",
        ("spec.steps[0].need", "There is no field `need`", "Write `needs`."),
    ),
    "a field in snake case": (
        f"- {{name: a, {STEP}, on_failure: continue}}",
        ("spec.steps[0].on_failure", "There is no field `on_failure`", "Write `onFailure`."),
    ),
    "a field that is near nothing": (
        f"- {{name: a, {STEP}, colour: red}}",
        ("spec.steps[0].colour", "There is no field `colour`", "the fields here are `name`, `needs`, `when`"),
    ),
    "a number as a timeout": (
        f"- {{name: a, {STEP}, timeout: 90}}",
        ("spec.steps[0].timeout", "must be a time span, but it is the number 90", "`90s` for seconds"),
    ),
    "a timeout in words": (
        f"- {{name: a, {STEP}, timeout: 5 minutes}}",
        ("spec.steps[0].timeout", "`5 minutes` is not a time span", "Write `5m`."),
    ),
    "a timeout beyond a year": (
        f"- {{name: a, {STEP}, timeout: 400d}}",
        ("spec.steps[0].timeout", "longer than 365d", ""),
    ),
    "a number in quotes": (
        f'- {{name: a, {STEP}, retry: {{limit: "3"}}}}',
        ("spec.steps[0].retry.limit", "must be a number, but it is the text `3`", "without quotes"),
    ),
    "a number where text is due": (
        f"- {{name: a, {STEP}, env: [{{name: N, value: 5}}]}}",
        ("spec.steps[0].env[0].value", "must be text, but it is the number 5", 'quotes: `"5"`'),
    ),
    "too many retries": (
        f"- {{name: a, {STEP}, retry: {{limit: 101}}}}",
        ("spec.steps[0].retry.limit", "at most 100", "Write at most 100"),
    ),
    "text where a list is due": (
        f"- {{name: a, {STEP}, needs: b}}",
        ("spec.steps[0].needs", "must be a list, but it is the text `b`", "Write `[a, b]`"),
    ),
    "text where a step is due": (
        f"- {{name: a, {STEP}}}\n- b",
        ("spec.steps[1]", "An entry of `steps` must be a mapping", "pairs"),
    ),
    "a word that is not known": (
        f"- {{name: a, {STEP}, onFailure: continu}}",
        ("spec.steps[0].onFailure", "cannot be the text `continu`", "Write `continue`."),
    ),
    "a script without a source": (
        "- {name: a, script: {runtime: bash}}",
        ("spec.steps[0].script.source", "`source` is missing", "Add `source: |`"),
    ),
    "a misspelt source is not missing as well": (
        "- {name: a, script: {runtime: bash, sorce: x}}",
        ("spec.steps[0].script.sorce", "There is no field `sorce`", "Write `source`."),
    ),
    "a variable that cannot be one": (
        f"- {{name: a, {STEP}, env: [{{name: my-var}}]}}",
        ("spec.steps[0].env[0].name", "not the name of an environment variable", "Write `my_var`."),
    ),
    "a resource that is none": (
        f"- {{name: a, {STEP}, resources: {{limits: {{cpus: '1'}}}}}}",
        ("spec.steps[0].resources.limits.cpus", "cannot be the text `cpus`", "Write `cpu`."),
    ),
    "a script that is empty": (
        '- {name: a, script: {runtime: bash, source: ""}}',
        ("spec.steps[0].script.source", "`source` is empty", "Add `source: |`"),
    ),
    "no steps": ("[]", ("spec.steps", "`steps` is empty", "at least one step")),
}


@pytest.mark.parametrize(("steps", "expected"), SHAPE.values(), ids=SHAPE)
def test_a_wrong_shape_is_told_in_plain_words(steps, expected):
    path, message, fix = expected

    problem = the_problem(steps_text(steps))

    assert problem.path == path
    assert message in problem.message
    assert fix in problem.fix
    assert "Input should" not in problem.message


def test_a_duration_that_is_too_long_says_so_without_a_guess():
    assert the_problem(steps_text(f"- {{name: a, {STEP}, timeout: 400d}}")).fix == ""


FIVE = workflow_text("""
    inputs:
      type: object
      properties:
        order_total: {type: numbr}
    steps:
      - name: send-email
        script:
          runtime: python
          source: |
            total = {{context_order_total}}
            print("{{context_order_total}}")
      - name: charge
        needs: [send_email, releas]
        when: context.order_totl > 5.0
        script: {runtime: bash, source: "true"}
        timeout: 90
      - name: release
        needs: [charge]
        approval: {approvers: {}}
""")


def test_mistakes_of_every_kind_are_found_together():
    found = [(problem.line, problem.path) for problem in problems(FIVE)]

    assert found == [
        (8, "spec.inputs.properties.order_total.type"),
        (10, "spec.steps[0].name"),
        (15, "spec.steps[0].script.source:2"),
        (17, "spec.steps[1].needs[1]"),
        (18, "spec.steps[1].when"),
        (20, "spec.steps[1].timeout"),
        (23, "spec.steps[2].approval.approvers"),
    ]


def test_a_broken_step_hides_neither_its_own_other_mistakes_nor_those_of_others():
    found = problems(
        steps_text("""
            - name: a
              scrpt: {runtime: pyton, source: x}
              needs: [zz]
            - 5
            - {name: c, needs: [a], approval: {approvers: {users: [3]}, quorum: 2}}
        """)
    )

    assert [problem.path for problem in found] == [
        "spec.steps[0].scrpt",
        "spec.steps[0].scrpt.runtime",
        "spec.steps[0].needs[0]",
        "spec.steps[1]",
        "spec.steps[2].approval.approvers.users[0]",
        "spec.steps[2].approval.quorum",
    ]


def test_what_is_wrong_inside_a_misspelt_field_has_the_path_that_was_written():
    found = problems(
        steps_text("""
            - name: a
              scrpt:
                runtme: bash
                source: 5
        """)
    )

    assert [(problem.line, problem.path) for problem in found] == [
        (7, "spec.steps[0].scrpt"),
        (8, "spec.steps[0].scrpt.runtme"),
        (9, "spec.steps[0].scrpt.source"),
    ]


@pytest.mark.parametrize("where", ["inputs", "spec"])
def test_a_flood_of_mistakes_is_cut_short(where):
    flood: dict[str, Any] = {f"kw{number}": 1 for number in range(5_000)}
    inputs: dict[str, Any] = {"inputs": {"type": "object", **flood}}
    step = {"name": "a", "script": {"runtime": "bash", "source": "true"}}
    spec = {"steps": [step], **(inputs if where == "inputs" else flood)}

    parsed = parse_workflow(
        {"apiVersion": "penstock.dev/v1alpha1", "kind": "Workflow", "metadata": {"name": "a"}, "spec": spec}
    )

    assert len(parsed.problems) == 101
    assert "more problems than these 100" in parsed.problems[-1].message


def test_what_is_nested_without_end_is_a_problem_and_no_crash():
    deep: object = 1
    for _ in range(100_000):
        deep = [deep]

    assert parse_workflow({"spec": {"inputs": {"default": deep}}}).problems


def test_nothing_that_stands_in_for_a_broken_part_is_ever_shown():
    found = problems(
        steps_text("""
            - {script: 5}
            - {name: 7, needs: [null, 3], approval: {quorum: 3}}
            - {name: c, needs: [a], env: [{value: x}, 3], script: {runtime: bash}}
            - {}
        """)
    )

    assert found
    assert "standin" not in " ".join(str(problem) for problem in found).lower()


def test_a_workflow_that_is_only_wrong_in_meaning_is_given_back_with_its_problems():
    found, wrong = read(steps_text(f"- {{name: a, needs: [b], {STEP}}}"))

    assert [one.metadata.name for one in found] == ["order-processing"]
    assert len(wrong) == 1


def test_a_workflow_of_the_wrong_shape_is_not_given_back():
    found, _ = read(steps_text(f"- {{name: A-B, {STEP}}}"))

    assert found == []


@pytest.mark.parametrize("data", [None, [], "text", 3])
def test_what_is_no_mapping_is_no_workflow(data):
    parsed = parse_workflow(data)

    assert parsed.workflow is None
    assert "mapping" in parsed.problems[0].message


def test_head_and_name_are_checked():
    step = {"name": "a", "script": {"runtime": "bash", "source": "true"}}

    parsed = parse_workflow({"apiVersion": "v1", "metadata": {"name": "Order_Processing"}, "spec": {"steps": [step]}})

    assert [(problem.path, problem.fix) for problem in parsed.problems] == [
        ("apiVersion", "Write `apiVersion: penstock.dev/v1alpha1`."),
        ("kind", "Write `kind: Workflow`."),
        ("metadata.name", "Write `order-processing`."),
    ]


def test_an_object_as_the_api_server_gives_it_is_read():
    step = {"name": "a", "script": {"runtime": "bash", "source": "true"}}
    metadata = {"name": "x--y", "uid": "u", "creationTimestamp": "2030-01-01T00:00:00Z", "managedFields": [{}]}

    parsed = parse_workflow(
        {
            "apiVersion": "penstock.dev/v1alpha1",
            "kind": "Workflow",
            "metadata": metadata,
            "spec": {"steps": [step]},
            "status": {"observedGeneration": 3},
        }
    )

    assert parsed.problems == ()
    assert parsed.workflow is not None
    assert parsed.workflow.status.observed_generation == 3


def test_data_that_json_cannot_say_is_a_problem_and_no_crash():
    assert parse_workflow({"spec": {1, 2}}).problems


RUN = {"apiVersion": "penstock.dev/v1alpha1", "kind": "WorkflowRun", "metadata": {"generateName": "order-"}}


def test_a_run_names_a_workflow_or_brings_one():
    assert parse_run({**RUN, "spec": {"workflow": {"name": "order"}}}).problems == ()
    assert "neither" in parse_run({**RUN, "spec": {}}).problems[0].message


def test_the_spec_that_a_run_brings_is_checked_whole():
    inline = {"steps": [{"name": "a", "needs": ["b"], "script": {"runtime": "bash", "source": "true"}}]}

    parsed = parse_run({**RUN, "spec": {"inline": inline}})

    assert [problem.path for problem in parsed.problems] == ["spec.inline.steps[0].needs[0]"]


def test_a_spec_that_a_run_brings_has_no_workflow_whose_runs_could_be_counted():
    inline = {"steps": [{"name": "a", "script": {"runtime": "bash", "source": "true"}}], "concurrency": {"limit": 1}}

    (problem,) = parse_run({**RUN, "spec": {"inline": inline}}).problems

    assert problem.path == "spec.inline.concurrency"
    assert "Remove" in problem.fix


def test_a_spec_that_a_run_brings_says_how_long_it_is_kept_but_not_how_many():
    inline = {
        "steps": [{"name": "a", "script": {"runtime": "bash", "source": "true"}}],
        "retention": {"succeeded": "1h", "keep": 3},
    }

    (problem,) = parse_run({**RUN, "spec": {"inline": inline}}).problems

    assert problem.path == "spec.inline.retention.keep"
    assert "retention: {failed: 7d}" in problem.fix
