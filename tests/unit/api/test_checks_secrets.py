"""Mistakes with Secrets, found before anything runs."""

from __future__ import annotations

from textwrap import indent

import pytest

from penstock.api.v1alpha1.compile import compile_workflow
from penstock.api.v1alpha1.secrets import uses_of_all
from tests.unit.api.reading import problems, the_problem, workflow, workflow_text

SCRIPT = "script: {runtime: bash, source: 'true'}"


def text(step: str, secrets: str = "[db, tls]") -> str:
    """A file with one step that says this, among what it does."""
    return workflow_text(f"secrets: {secrets}\nsteps:\n- name: a\n  {SCRIPT}\n{indent(step, '  ')}")


CASES = {
    "a key of one that is not listed": (
        "env: [{name: P, valueFrom: {secretKeyRef: {name: mail, key: p}}}]",
        ("spec.steps[0].env[0].valueFrom.secretKeyRef.name", "`mail` is not in `spec.secrets`", "[db, tls, mail]"),
    ),
    "a whole one that is not listed": (
        "envFrom: [{secretRef: {name: mail}}]",
        ("spec.steps[0].envFrom[0].secretRef.name", "`mail` is not in `spec.secrets`", "List it: `secrets: [db, tls"),
    ),
    "files of one that is misspelt": (
        "secrets: [tsl]",
        ("spec.steps[0].secrets[0]", "`tsl` is not in `spec.secrets`", "Write `tls`, or list it"),
    ),
    "files twice": ("secrets: [db, db]", ("spec.steps[0].secrets[1]", "listed twice", "Remove one")),
    "a variable with two sources": (
        "env: [{name: P, value: x, valueFrom: {secretKeyRef: {name: db, key: p}}}]",
        ("spec.steps[0].env[0].value", "both `value` and `valueFrom`", "Remove one"),
    ),
    "a prefix of ours": (
        "envFrom: [{prefix: PENSTOCK_, secretRef: {name: db}}]",
        ("spec.steps[0].envFrom[0].prefix", "Penstock's own", "such as `DB_`"),
    ),
    "a variable that decides what runs": (
        "env: [{name: LD_PRELOAD, valueFrom: {secretKeyRef: {name: db, key: p}}}]",
        ("spec.steps[0].env[0].name", "decides what runs before the script", "Use another name"),
    ),
    "a name that no Secret has": (
        "secrets: [Db_Main]",
        ("spec.steps[0].secrets[0]", "`Db_Main` is not the name of a Secret", "Write `db-main`"),
    ),
}


@pytest.mark.parametrize(("step", "expected"), CASES.values(), ids=CASES)
def test_a_mistake_is_named_with_its_place_and_its_remedy(step: str, expected: tuple[str, str, str]):
    path, message, fix = expected
    found = the_problem(text(step))
    assert found.path == path
    assert message in found.message
    assert fix in found.fix
    assert found.line is not None


def test_the_same_name_twice_in_the_list():
    found = the_problem(text("secrets: [db]", "[db, tls, db]"))
    assert (found.path, "listed twice" in found.message) == ("spec.secrets[2]", True)


def test_more_than_admission_can_check():
    names = ", ".join(f"s{number}" for number in range(17))
    [found] = problems(text("timeout: 1m", f"[{names}]"))
    assert found.path == "spec.secrets"
    assert "16" in f"{found.message} {found.fix}"


def test_a_step_that_runs_no_program_has_none():
    found = problems(workflow_text("secrets: [db]\nsteps:\n- {name: a, wait: {duration: 1s}, secrets: [db]}"))
    assert [problem.path for problem in found] == ["spec.steps[0].secrets"]


def test_the_program_holds_references_and_says_what_it_needs():
    step = """\
env:
- {name: P, valueFrom: {secretKeyRef: {name: db, key: password}}}
- {name: Q, valueFrom: {secretKeyRef: {name: db, key: port, optional: true}}}
- {name: R, value: "eu"}
envFrom: [{prefix: DB_, secretRef: {name: db}}, {secretRef: {name: tls, optional: true}}]
secrets: [tls]"""
    spec = workflow(text(step)).spec
    compiled = compile_workflow(spec, images={"bash": ""}, check_expression=lambda _: None)
    assert compiled.plan is not None
    program = compiled.plan.steps["a"].program
    assert program["env"] == [
        {"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "Q", "valueFrom": {"secretKeyRef": {"name": "db", "key": "port", "optional": True}}},
        {"name": "R", "value": "eu"},
    ]
    assert program["envFrom"] == [
        {"prefix": "DB_", "secretRef": {"name": "db"}},
        {"secretRef": {"name": "tls", "optional": True}},
    ]
    assert program["secrets"] == ["tls"]
    assert [(use.name, use.key, use.optional) for use in uses_of_all(spec.steps)] == [
        ("db", "password", False),
        ("db", "port", True),
        ("db", None, False),
        ("tls", None, True),
        ("tls", None, False),
    ]
