"""The text of a file becomes Workflows, and every problem gets its line in that file."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.sources import with_lines
from penstock.api.v1alpha1.yaml_reading import Position, read_yaml
from penstock.errors import Problem
from tests.unit.api.reading import problems, read, steps_text, the_problem, workflow_text

RUN = """
apiVersion: penstock.dev/v1alpha1
kind: WorkflowRun
metadata: {name: one}
spec: {workflow: {name: order-processing}}
"""
STEP = '- {name: a, script: {runtime: bash, source: "true"}}'


def test_a_file_may_hold_several_workflows_and_runs():
    found, wrong = read(f"{steps_text(STEP)}---\n{steps_text(STEP)}---{RUN}")

    assert wrong == []
    assert len(found) == 2


def test_a_problem_of_the_second_document_has_its_line_in_the_file():
    problem = the_problem(f"{steps_text(STEP)}---\n{steps_text('- {name: b}')}")

    assert (problem.line, problem.path) == (13, "spec.steps[0]")


def test_a_run_in_the_file_is_checked_by_its_shape():
    problem = the_problem(RUN.replace("workflow: {name: order-processing}", "workflow: {nam: x, name: order}"))

    assert (problem.line, problem.path, problem.fix) == (5, "spec.workflow.nam", "Write `name`.")


@pytest.mark.parametrize(
    ("kind", "fix"), [("workflow", "Write `kind: Workflow`."), ("ConfigMap", "Keep it in a file of its own")]
)
def test_other_kinds_are_told(kind, fix):
    problem = the_problem(f"apiVersion: v1\nkind: {kind}\n")

    assert (problem.line, problem.path) == (2, "kind")
    assert fix in problem.fix


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n"])
def test_an_empty_file_is_told(text):
    assert the_problem(text).message == "The file is empty."


def test_a_syntax_error_does_not_hide_the_documents_before_it():
    found = problems(f"{steps_text('- {name: b}')}---\na: [\n")

    assert [problem.path for problem in found] == ["spec.steps[0]", ""]


@pytest.mark.parametrize(("style", "line"), [("|", 10), ("|-", 10), ("|2-", 10), (">", 8)])
def test_a_line_of_a_script_is_a_line_of_the_file(style, line):
    problem = the_problem(
        workflow_text(f"""
            steps:
              - name: a
                script:
                  source: {style}
                    : one
                    echo '{{{{context_x}}}}'
                  runtime: bash
        """)
    )

    assert problem.line == line
    assert "context" in problem.message


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("spec.steps[0].needs[0]", 3),
        ("spec.steps[0].gone.deeper[4]", 3),
        ("spec.steps[9]", 2),
        ("metadata.name", 1),
        ("", 1),
        ("a[b.c]]", 1),
    ],
)
def test_what_is_not_written_has_the_line_of_what_would_hold_it(path, line):
    documents, _ = read_yaml("spec:\n  steps:\n    - needs: [b]\n")

    assert with_lines([Problem(path, "")], documents[0].positions)[0].line == line


def test_a_line_that_is_known_is_kept():
    assert with_lines([Problem("a", "", line=7)], {"a": Position(1)})[0].line == 7
