"""Binds the placeholders of a script: one rule set for a language, the same answer shape for all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from importlib import import_module
from itertools import chain, islice
from types import MappingProxyType

from .binding import Binding, Edit, Judgement, Occurrence, PlaceholderProblem, Script, apply, is_context_name

Judge = Callable[[str, Mapping[str, str]], tuple[Script, Judgement]]

LANGUAGES = ("bash", "go", "javascript", "powershell", "python")
"""Runtimes with a module here that reads their scripts, by its `judge`; others take no placeholders."""

_MOST_NAMES = 20
_MOST_PROBLEMS = 100


def bind(
    runtime: str, source: str, names: frozenset[str] | None, types: Mapping[str, str] = MappingProxyType({})
) -> Binding:
    """Make each `{{context_NAME}}` of a script a reference to the bound value, or say why that cannot be.

    A value never becomes part of the program's text. `names` are the keys that the context may have; None when any
    may be. `types` are the JSON Schema types of those that can only be of one: a whole number may stand in shell
    arithmetic, and in Go each becomes a value of its type.
    """
    if runtime not in LANGUAGES:
        script = Script(source)
        return Binding(source, _names(script.occurrences), tuple(islice(_no_binder(runtime, script), _MOST_PROBLEMS)))
    script, judgement = _judge(runtime)(source, types)
    found = chain(judgement.problems, _refused(script, judgement), _unknown(script, judgement.used, names))
    # A script of nothing but mistakes must not keep the operator busy with their corrections.
    problems = sorted(islice(found, _MOST_PROBLEMS), key=lambda problem: (problem.line, problem.column))
    if problems:
        return Binding(source, _names(judgement.used), tuple(problems))
    return Binding(apply(judgement.edits, script.source), _names(judgement.used), ())


def _judge(language: str) -> Judge:
    # When it is asked for: a language that no script is written in costs a short command nothing.
    judge: Judge = import_module(f".{language}", __package__).judge
    return judge


def _names(occurrences: Iterable[Occurrence]) -> frozenset[str]:
    return frozenset(occurrence.name for occurrence in occurrences)


def _no_binder(runtime: str, script: Script) -> Iterable[PlaceholderProblem]:
    known = ", ".join(LANGUAGES)
    for occurrence in script.occurrences:
        yield script.problem(
            occurrence.start,
            f"{{{{context_{occurrence.name}}}}} does not work with the runtime {runtime}, only with {known}. "
            "Read the value in the language itself, from the JSON file that PENSTOCK_CONTEXT_FILE names.",
        )


def _refused(script: Script, judgement: Judgement) -> Iterable[PlaceholderProblem]:
    # Neighbours share edits, such as the quotes of the string that both stand in.
    edits = [*judgement.edits, *{edit for refusal in judgement.refusals for edit in refusal.fixes}]
    for refusal in judgement.refusals:
        occurrence = refusal.occurrence
        suggestion = script.corrected(refusal.fixes, edits, refusal.first) if refusal.fixes else ""
        message = f"{{{{context_{occurrence.name}}}}} {refusal.message}"
        yield script.problem(occurrence.start, message, suggestion)


def _unknown(script: Script, used: Iterable[Occurrence], names: frozenset[str] | None) -> Iterable[PlaceholderProblem]:
    for occurrence in used:
        if is_context_name(occurrence.name) and (names is None or occurrence.name in names):
            continue
        shown = f"{{{{context_{occurrence.name}}}}}"
        if not is_context_name(occurrence.name):
            reason = "is not the name of an input: names are lower-case letters, digits and _, and begin with a letter"
        elif names:
            listed = ", ".join(sorted(names)[:_MOST_NAMES]) + (" and more" if len(names) > _MOST_NAMES else "")
            reason = f"names an input that does not exist; the inputs are: {listed}"
        else:
            reason = "names an input that does not exist; the workflow has no inputs"
        yield script.problem(occurrence.start, f"{shown} {reason}", _nearest(script, occurrence, names))


def _nearest(script: Script, occurrence: Occurrence, names: frozenset[str] | None) -> str:
    near = get_close_matches(occurrence.name.lower(), sorted(names or ()), n=1)
    if not near:
        return ""
    edit = Edit(occurrence.start, occurrence.end, f"{{{{context_{near[0]}}}}}")
    return script.corrected([edit], [edit])
