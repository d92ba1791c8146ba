"""Errors as people read them: what is wrong, where, what to write instead, what to do next."""

from __future__ import annotations

from collections.abc import Sequence

from penstock.application.safe_text import harmless, one_line
from penstock.errors import BugError, InvalidInput, PenstockError, Problem


def headline(error: PenstockError) -> str:
    """What went wrong, on one line."""
    text = str(error)
    if isinstance(error, InvalidInput) and error.problems:
        text = text.split("\n", 1)[0]
    return one_line(text)


def details(error: PenstockError) -> tuple[str, ...]:
    """The lines below the headline: every problem, then the hint."""
    lines = problem_lines(error.problems) if isinstance(error, InvalidInput) else ()
    hint = error.hint
    if isinstance(error, BugError) and not hint:
        hint = "This is a bug in Penstock. Please report it with what `--debug` prints."
    return (*lines, one_line(hint)) if hint else lines


def problem_lines(problems: Sequence[Problem], source: str = "") -> tuple[str, ...]:
    """Each problem in one or two lines. `source`: the file that the line numbers are in."""
    lines: list[str] = []
    for problem in problems:
        lines.append(f"{_where(problem, source)}{one_line(problem.message)}")
        if problem.fix:
            lines += [f"    {line}" for line in _fix(problem.fix)]
    return tuple(lines)


def problem_document(problem: Problem) -> dict[str, object]:
    """The problem for programs."""
    return {"line": problem.line, "field": problem.path, "message": problem.message, "fix": problem.fix}


def _where(problem: Problem, source: str) -> str:
    place = harmless(source)
    if problem.line is not None:
        place = f"{place}:{problem.line}" if place else f"line {problem.line}"
    parts = [part for part in (place, harmless(problem.path)) if part]
    return "".join(f"{part}: " for part in parts)


def _fix(fix: str) -> list[str]:
    """A fix may be a line of code to copy, so its own line breaks and indentation stay."""
    first, *rest = fix.rstrip("\n").split("\n")
    return [f"write instead: {harmless(first, keep='	')}", *(harmless(line, keep="\t") for line in rest)]
