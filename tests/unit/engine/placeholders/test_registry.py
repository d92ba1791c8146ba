"""Binding as its callers see it: names, runtimes, positions, one pass."""

from __future__ import annotations

import pytest

from penstock.engine.placeholders import bind
from penstock.engine.placeholders.registry import LANGUAGES

NAMES = frozenset({"customer_id", "order_total", "x"})


def test_a_bound_script_names_what_it_uses():
    binding = bind("python", "a = {{context_x}} + {{ context_customer_id }}\n", NAMES)

    assert binding.source == 'a = context["x"] + context["customer_id"]\n'
    assert binding.used == {"x", "customer_id"}
    assert binding.problems == ()


@pytest.mark.parametrize("runtime", LANGUAGES)
@pytest.mark.parametrize(
    "text",
    [
        "{{steps.a.output}}",
        "{{ x }}",
        "{{contextx}}",
        "{{context.x}}",
        "{context_x}",
        "{{ context_x }",
        "{{context_x.y}}",
    ],
)
def test_other_braces_are_the_scripts_own(runtime: str, text: str):
    source = f"{'//' if runtime in ('javascript', 'go') else '#'} {text}\n"

    assert bind(runtime, source, NAMES).source == source


def test_an_unknown_name_is_refused_with_the_known_ones_and_the_nearest():
    (problem,) = bind("bash", "true\n  echo {{context_custmer_id}} now\n", NAMES).problems

    assert (problem.line, problem.column) == (2, 8)
    assert problem.message == (
        "{{context_custmer_id}} names an input that does not exist; the inputs are: customer_id, order_total, x"
    )
    assert problem.suggestion == "  echo {{context_customer_id}} now"


def test_an_unknown_name_in_a_workflow_without_inputs():
    (problem,) = bind("bash", "echo {{context_x}}", frozenset()).problems

    assert "has no inputs" in problem.message
    assert problem.suggestion == ""


def test_any_name_is_known_when_none_are_given():
    assert bind("bash", "echo {{context_anything}}", None).problems == ()


@pytest.mark.parametrize("name", ["X", "9", "", "_x", "x" * 64, "PATH"])
def test_a_name_that_no_input_can_have_is_refused(name: str):
    (problem,) = bind("bash", f"echo {{{{context_{name}}}}}", None).problems

    assert "is not the name of an input" in problem.message


def test_every_problem_is_reported_at_once_in_order():
    source = "echo '{{context_x}}'\necho {{context_y}}\n(( {{context_x}} ))\n"

    problems = bind("bash", source, frozenset({"x"})).problems

    assert [(problem.line, problem.column) for problem in problems] == [(1, 7), (2, 6), (3, 4)]


def test_a_script_with_problems_is_given_back_as_it_was():
    source = "echo {{context_x}} '{{context_x}}'\n"

    assert bind("bash", source, None).source == source


def test_a_reference_is_not_bound_again():
    once = bind("bash", "echo {{context_x}}", None).source

    assert bind("bash", once, None).source == once


def test_a_runtime_without_a_binder_refuses_placeholders_and_says_what_to_do():
    (problem,) = bind("ruby", "# {{context_x}}", None).problems

    assert "runtime ruby" in problem.message
    assert "PENSTOCK_CONTEXT_FILE" in problem.message


def test_a_runtime_without_a_binder_takes_a_script_without_placeholders():
    assert bind("ruby", "puts 1", None).problems == ()


PATHOLOGICAL = {
    "subscripts": "a[ " * 40_000 + "{{context_x}}",
    "closed subscripts": "a[ " * 20_000 + "{{context_x}}" + "]" * 20_000,
    "arithmetic": "$((" * 20_000 + "{{context_x}}",
    "failed arithmetic": "$(( $(( " * 24 + "x {{context_x}}" + ") ) " * 48,
    "subshells": "(" * 60_000 + "{{context_x}}",
    "backticks": "`" * 9_999 + "{{context_x}}",
    "here-documents": "cat <<E\n" * 5_000 + "{{context_x}}",
    "nothing but mistakes": "x='{{context_x}}'\n" * 6_000,
    "f-strings": 'f"' + "{{context_x}} {" * 4_000 + '"\n',
    "templates": "`${" * 30_000 + "{{context_x}}",
    "regular expressions": "/[" * 40_000 + "{{context_x}}",
    "one long word": "a()" * 30_000 + "{{context_x}}",
    "placeholders in one word": "{{context_x}}" * 8_000,
    "script blocks": "& { " * 20_000 + "{{context_x}}",
    "strings in strings": '"$(' * 30_000 + "{{context_x}}",
    "here-strings": '@"\n' * 30_000 + "{{context_x}}",
}


@pytest.mark.timeout(30)  # what is quadratic here takes minutes
@pytest.mark.parametrize("runtime", LANGUAGES)
@pytest.mark.parametrize("source", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_no_script_keeps_the_reader_busy(runtime: str, source: str):
    problems = bind(runtime, source[:131_072], None).problems

    assert len(problems) <= 100
