"""Errors in words."""

from __future__ import annotations

from penstock.cli.views.problems import details, headline, problem_lines
from penstock.errors import BugError, InvalidInput, NotFound, Problem

PROBLEMS = (
    Problem("spec.steps[0].needs[0]", "there is no step `chrage`", "charge", 7),
    Problem("spec.inputs", "`oneOf` is not supported"),
)


def test_every_problem_has_file_line_field_and_what_to_write_instead():
    assert problem_lines(PROBLEMS, "order.yaml") == (
        "order.yaml:7: spec.steps[0].needs[0]: there is no step `chrage`",
        "    write instead: charge",
        "order.yaml: spec.inputs: `oneOf` is not supported",
    )


def test_without_a_file_the_line_is_still_named():
    assert problem_lines(PROBLEMS)[0].startswith("line 7: spec.steps[0].needs[0]: ")


def test_the_headline_does_not_repeat_the_problems():
    error = InvalidInput("the file is not valid", problems=PROBLEMS)
    assert headline(error) == "the file is not valid"
    assert details(error) == problem_lines(PROBLEMS)


def test_a_hint_says_what_to_do_next():
    assert details(NotFound("no such run", hint="Try penstock list.")) == ("Try penstock list.",)


def test_a_bug_asks_to_be_reported():
    assert "report" in details(BugError("oh"))[0]


def test_a_corrected_script_keeps_its_lines_and_its_indentation():
    lines = problem_lines((Problem("x", "bad", "if a:\n\tb()", 3),))
    assert lines[1:] == ("    write instead: if a:", "    \tb()")


def test_a_file_cannot_drive_the_terminal_through_its_mistakes():
    [line] = problem_lines((Problem("spec.\x1b[2J", "no field \u202e"),), "a\x1bb.yaml")
    assert line.isprintable()
