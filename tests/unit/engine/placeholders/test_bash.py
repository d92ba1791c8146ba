"""Placeholders in bash scripts: where they become references, where they are refused, and with which correction.

What real bash does with the results is in tests/integration/runtimes/test_bash_placeholders.py.
"""

from __future__ import annotations

import pytest

from penstock.engine.placeholders import PlaceholderProblem, bind
from tests.unit.engine.placeholders.bash_cases import BOUND, GUARD, REFUSED


def bound(source: str) -> str:
    binding = bind("bash", source, None)
    assert binding.problems == ()
    return binding.source


def refused(source: str) -> PlaceholderProblem:
    problems = bind("bash", source, None).problems
    assert problems
    return problems[0]


@pytest.mark.parametrize(("source", "want"), BOUND.values(), ids=BOUND.keys())
def test_where_bash_takes_the_value_as_data_it_is_a_reference(source: str, want: str):
    assert bound(source) == want


@pytest.mark.parametrize(("source", "message", "want"), REFUSED.values(), ids=REFUSED.keys())
def test_where_bash_would_not_it_is_refused_with_the_corrected_line(source: str, message: str, want: str | None):
    problem = refused(source)

    assert message in problem.message
    if want is not None:
        assert problem.suggestion == want


def test_the_position_is_that_of_the_placeholder():
    problem = refused("echo a\n\n  echo 'é {{context_x}}'\n")

    assert (problem.line, problem.column) == (3, 11)


def test_a_correction_keeps_the_indent_and_binds_the_neighbours():
    problem = refused("if true; then\n  (( {{context_x}} )) && echo {{context_y}}\nfi\n")

    assert problem.suggestion == f'  {GUARD}  (( ${{CTX_x}} )) && echo "${{CTX_y}}"'


def test_a_whole_number_by_its_schema_may_stand_in_arithmetic():
    source = "n={{context_x}}; (( n > {{context_x}} )); echo ${a[{{context_x}}]}; [[ {{context_x}} -gt 1 ]]"

    binding = bind("bash", source, None, types={"x": "integer"})

    assert binding.source == 'n="${CTX_x}"; (( n > ${CTX_x} )); echo ${a[${CTX_x}]}; [[ "${CTX_x}" -gt 1 ]]'


def test_a_whole_number_still_runs_no_text():
    assert bind("bash", "eval {{context_x}}", None, types={"x": "integer"}).problems


@pytest.mark.parametrize(
    "source",
    [
        "echo '{{context_x}}",
        'echo "{{context_x}}',
        "echo $(echo {{context_x}}",
        "echo {{context_x}} )",
        "echo `{{context_x}}",
        "case a in {{context_x}}) echo",
        "[[ {{context_x}} == a",
        "cat <<{{context_x}}\na\n",
        "echo ${a{{context_x}}",
    ],
)
def test_what_cannot_be_read_is_refused(source: str):
    assert "cannot be bound" in refused(source).message


def test_a_script_without_placeholders_is_not_judged():
    assert bound("this is 'not bash (") == "this is 'not bash ("
