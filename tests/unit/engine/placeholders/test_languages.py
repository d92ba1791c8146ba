"""Placeholders in JavaScript, Go and PowerShell: where they become references, where they are refused, and how the
corrected line reads. What real interpreters do with the results is in tests/integration/runtimes/test_corrections.py.
"""

from __future__ import annotations

from types import ModuleType

import pytest

from penstock.engine.placeholders import PlaceholderProblem, bind
from tests.unit.engine.placeholders import go_cases, javascript_cases, powershell_cases

LANGUAGES: dict[str, ModuleType] = {"javascript": javascript_cases, "go": go_cases, "powershell": powershell_cases}


def cases(name: str) -> list[object]:
    return [
        pytest.param(language, *case, id=f"{language}: {what}")
        for language, module in LANGUAGES.items()
        for what, case in getattr(module, name).items()
    ]


def refused(language: str, source: str) -> PlaceholderProblem:
    problems = bind(language, source, None).problems
    assert problems
    return problems[0]


def with_suggestion(source: str, problem: PlaceholderProblem) -> str:
    """What a person does who follows the message."""
    if problem.suggestion.count("\n") == source.count("\n"):
        return problem.suggestion
    lines = source.splitlines()
    return "\n".join([*lines[: problem.line - 1], problem.suggestion, *lines[problem.line :]])


@pytest.mark.parametrize(("language", "source", "want"), cases("BOUND"))
def test_where_the_language_takes_a_value_it_is_a_reference(language: str, source: str, want: str):
    binding = bind(language, source, None)

    assert binding.problems == ()
    assert binding.source == want


@pytest.mark.parametrize(("language", "source", "message", "want"), cases("REFUSED"))
def test_elsewhere_it_is_refused_with_the_corrected_line(language: str, source: str, message: str, want: str | None):
    problem = refused(language, source)

    assert message in problem.message
    if want is not None:
        assert problem.suggestion == want


@pytest.mark.parametrize(("language", "source", "message", "want"), cases("REFUSED"))
def test_a_corrected_line_is_not_refused_again(language: str, source: str, message: str, want: str | None):
    if want and "choose the program" not in message:
        assert bind(language, with_suggestion(source, refused(language, source)), None).problems == ()


@pytest.mark.parametrize(
    ("language", "source"),
    [(language, source) for language, module in LANGUAGES.items() for source in module.UNREADABLE],
)
def test_what_cannot_be_read_is_refused(language: str, source: str):
    assert "cannot be bound" in refused(language, source).message


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_script_without_placeholders_is_not_judged(language: str):
    assert bind(language, "this is 'nothing (", None).source == "this is 'nothing ("


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_position_is_that_of_the_placeholder(language: str):
    problem = refused(language, 'a\n\n  f("é {{context_x}}")\n')

    assert (problem.line, problem.column) == (3, 8)


@pytest.mark.parametrize(
    ("kind", "method"),
    [("string", ".Text()"), ("integer", ".Int()"), ("number", ".Float()"), ("boolean", ".Bool()"), ("array", "")],
)
def test_in_go_a_value_has_the_type_of_its_input(kind: str, method: str):
    binding = bind("go", "a := {{context_x}}", None, {"x": kind})

    assert binding.source == f'a := penstock.Context.Get("x"){method}'
