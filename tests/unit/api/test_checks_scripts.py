"""Placeholders and scripts are checked before anything runs, with the corrected line."""

from __future__ import annotations

from textwrap import indent

import pytest

from tests.unit.api.reading import problems, the_problem, workflow, workflow_text


def text_with(source: str, runtime: str = "python", inputs: str = "properties: {customer_id: {type: string}}") -> str:
    return workflow_text(f"""
inputs: {{type: object, {inputs}}}
steps:
  - name: a
    script:
      runtime: {runtime}
      source: |
{indent(source, "        ")}
""")


def test_a_placeholder_in_a_string_is_refused_with_the_corrected_line():
    problem = the_problem(text_with('x = 1\nprint("order {{context_customer_id}}")'))

    assert (problem.path, problem.line) == ("spec.steps[0].script.source:2", 12)
    assert 'print(f"order' in problem.fix


def test_a_placeholder_that_is_no_input_is_refused():
    problem = the_problem(text_with("print({{context_customer}})"))

    assert "does not exist" in problem.message
    assert "context_customer_id" in problem.fix


def test_a_script_that_is_not_python_is_refused():
    problem = the_problem(text_with("x = 1\nif x\n  pass"))

    assert (problem.path, problem.line) == ("spec.steps[0].script.source:2", 12)


def test_every_script_of_a_workflow_is_checked():
    found = problems(
        workflow_text("""
            steps:
              - {name: a, script: {runtime: python, source: "x ="}}
              - {name: b, script: {runtime: bash, source: "echo '{{context_x}}'"}}
        """)
    )

    assert [problem.path for problem in found] == ["spec.steps[0].script.source:1", "spec.steps[1].script.source:1"]


def test_open_inputs_take_any_placeholder():
    workflow(text_with("print({{context_anything}})", inputs="additionalProperties: true"))


@pytest.mark.parametrize(
    ("written", "meant"), [("py", "python"), ("shell", "bash"), ("pyton", "python"), ("bsh", "bash")]
)
def test_an_unknown_runtime_is_refused_with_the_one_that_is_meant(written: str, meant: str):
    problem = the_problem(text_with("print(1)", runtime=written))

    assert problem.path == "spec.steps[0].script.runtime"
    assert problem.message == f"There is no runtime `{written}`."
    assert f"Write `{meant}`" in problem.fix


def test_a_runtime_that_is_not_installed_here_is_not_suggested():
    problem = the_problem(text_with("print(1)", runtime="node"))

    assert problem.fix == "The runtimes are `python` and `bash`."
