"""What the library says when something is wrong, as plain sentences. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from penstock.adapters.cel.lookups import Missing, look_up
from penstock.adapters.cel.values import kind_of
from penstock.api.v1alpha1.expressions import Analysis, render_path

TOO_MUCH = "it comes to too much, or takes too much memory; do this in a step"
_SENTENCES = {
    "ZeroDivisionError": "it divides by zero",
    "OverflowError": "a number is too large: whole numbers have 64 bits",
    "MemoryError": TOO_MUCH,
}


class Fault(NamedTuple):
    """An error of the library, in a form that travels between processes."""

    kind: str
    """Name of the exception."""
    text: str


def explain(fault: Fault, analysis: Analysis, scope: Mapping[str, Any]) -> str:
    """Why an expression could not be evaluated on these values."""
    missing = _missing(fault, analysis, scope)
    if missing is not None:
        return missing
    if fault.kind == "KeyError":
        return f"there is no field `{fault.text.strip(chr(39))}`"
    if fault.kind in _SENTENCES:
        return _SENTENCES[fault.kind]
    if fault.kind == "RuntimeError" and "Undefined" in fault.text:
        return _undefined(fault, analysis, scope)
    if fault.kind == "TypeError":
        return f"the values do not go together{_kinds(analysis, scope)}; convert with int(), double() or string()"
    if "Conversion Error" in fault.text:
        return f"a value cannot be used{_kinds(analysis, scope)}: text must be valid Unicode"
    return fault.text.split(". ")[0].strip() or fault.kind


def _missing(fault: Fault, analysis: Analysis, scope: Mapping[str, Any]) -> str | None:
    """The path that leads nowhere: the one that the library speaks of where it speaks of one, else the first."""
    found: list[Missing] = []
    for reference in analysis.references:
        try:
            look_up(scope, reference.path)
        except Missing as error:
            if not reference.optional:
                found.append(error)
    for missing in found:
        if str(missing.key) in fault.text:
            return str(missing)
    return str(found[0]) if found and fault.kind in ("KeyError", "IndexError", "TypeError") else None


def _undefined(fault: Fault, analysis: Analysis, scope: Mapping[str, Any]) -> str:
    match = re.search(r"'([^']*)'", fault.text)
    name = match.group(1) if match else "?"
    if any(call.name == name for call in analysis.calls):
        return f"`{name}` cannot be used on these values{_kinds(analysis, scope)}"
    return f"`{name}` is not known"


def _kinds(analysis: Analysis, scope: Mapping[str, Any]) -> str:
    kinds = {}
    for reference in analysis.references:
        try:
            kinds[render_path(reference.path)] = kind_of(look_up(scope, reference.path))
        except Missing:
            continue
    return ": " + ", ".join(f"{path} is {kind}" for path, kind in kinds.items()) if kinds else ""


_SYNTAX = re.compile(r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): (?P<report>[^\n]*)")
_END = re.compile(r"(mismatched input|at) '<EOF>'")
_UNEXPECTED = re.compile(r"(?:mismatched|extraneous|no viable alternative at) input '(?P<word>.*?)'(?: expecting|$)")


def explain_syntax(text: str) -> str:
    """Why the library could not read an expression, from what it reported."""
    match = _SYNTAX.search(text)
    if match is None:
        return "It is not CEL."
    if _END.search(text) and "token recognition" not in text:
        return "It ends too early."
    report = match["report"].removeprefix("Syntax error: ")
    where = f"character {match['column']}" if match["line"] == "1" else f"line {match['line']}"
    if "invalid argument to has()" in report:
        return "has() takes a field, such as has(context.note)."
    if report.startswith("token recognition error"):
        word = report.partition("at: ")[2].strip().strip("'")
        if "at: ''" in report or '"' in word:
            return f"The text in quotes that begins at {where} is never closed."
        return f"`{word.strip()}` at {where} is no part of CEL."
    unexpected = _UNEXPECTED.search(report)
    if unexpected:
        return f"`{unexpected['word']}` is not expected at {where}."
    if report.startswith("unsupported syntax"):
        return f"{report.partition('syntax')[2].strip(': ')} at {where} is not supported."
    return f"It is not CEL ({where})."
