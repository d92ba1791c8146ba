"""Checks of `sql` steps: the parameters of their statements, and the rules of what they write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from penstock.api.v1alpha1.calls import SqlRules, SqlStep
from penstock.api.v1alpha1.expressions import analyse
from penstock.api.v1alpha1.subject import CheckExpression
from penstock.api.v1alpha1.suggestions import closest, listed
from penstock.errors import Problem

_LITERALS = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/", re.DOTALL)
_PARAMETER = re.compile(r"(?<![:\w\\]):([A-Za-z_][A-Za-z0-9_]*)(?!:)")


def check_sql(path: str, call: SqlStep, check_expression: CheckExpression | None) -> Iterator[Problem]:
    """Every problem of an `sql` step."""
    rules = call.rules or SqlRules()
    statements = {"statement": call.statement, **_reading(rules)}
    filled = [name for name, text in statements.items() if "{{" in text]
    for name in filled:
        message = "A value within a statement's text would be read as a part of the statement."
        fix = "Write `:name` in its place, and the value into `parameters`: `{name: '{{ context.name }}'}`."
        yield Problem(f"{path}.{name}", message, fix)
    if not filled:
        yield from _parameters(path, call, rules, statements)
    if call.rules is not None:
        if not call.write:
            message = "Rules are about what a step writes, and this one only reads."
            yield Problem(f"{path}.rules", message, "Add `write: true`, or remove `rules`.")
        for place, text, known in _expressions(call, rules):
            if "{{" in text:
                message = "A value within an expression would be read as a part of it."
                fix = "Put it into `parameters`, and write `parameters.name` here, without braces."
                yield Problem(f"{path}.rules.{place}", message, fix)
                continue
            yield from _expression(f"{path}.rules.{place}", text, known, check_expression)


def _reading(rules: SqlRules) -> Mapping[str, str]:
    before = {"rules.before": rules.before} if rules.before is not None else {}
    return {**before, **{f"rules.parents.{name}": text for name, text in rules.parents.items()}}


def _parameters(path: str, call: SqlStep, rules: SqlRules, statements: Mapping[str, str]) -> Iterator[Problem]:
    named = {place: _named(text) for place, text in statements.items()}
    for place, names in named.items():
        # What is worked out is not there yet when the rules read.
        given = [*call.parameters, *(rules.set_ if place == "statement" else ())]
        for name in names:
            if name not in given:
                near = closest(name, [each for each in given if each not in names])
                fix = f"Write `:{near}`." if near else f"Add `{name}` to `parameters`."
                message = f"The statement has `:{name}`, and `parameters` has no value for it."
                yield Problem(f"{path}.{place}", message, fix)
    weighed = {name for _, text, _ in _expressions(call, rules) for name in _members(text, "parameters")}
    used = list(dict.fromkeys(name for names in named.values() for name in names))
    there = f"It has {listed([f':{each}' for each in used])}." if used else "Write `:{}` where it belongs."
    for name in call.parameters:
        if name not in used and name not in weighed:
            yield Problem(f"{path}.parameters.{name}", f"The statement has no `:{name}`.", there.format(name))
    for name in rules.set_:
        if name not in named["statement"]:
            yield Problem(f"{path}.rules.set.{name}", f"The statement has no `:{name}`.", there.format(name))


def _named(statement: str) -> list[str]:
    return list(dict.fromkeys(_PARAMETER.findall(_LITERALS.sub(" ", statement))))


def _members(expression: str, root: str) -> Iterator[str]:
    """Fields of a name that an expression uses."""
    for reference in analyse(expression).references:
        if reference.path[0] == root and len(reference.path) > 1:
            yield str(reference.path[1])


def _expressions(call: SqlStep, rules: SqlRules) -> Iterator[tuple[str, str, dict[str, list[str] | None]]]:
    """Each expression with its place, and the names that it sees with their fields, None where nobody knows them."""
    seen: dict[str, list[str] | None] = {
        "parameters": sorted({*call.parameters, *rules.set_}),
        "parents": list(rules.parents),
    }
    if rules.before is not None:
        seen["before"] = None
    for name, text in rules.set_.items():
        yield f"set.{name}", text, seen
    for index, rule in enumerate(rules.checks):
        yield f"checks[{index}].check", rule.check, {"row": None, **seen}


def _expression(
    path: str, text: str, known: Mapping[str, list[str] | None], check_expression: CheckExpression | None
) -> Iterator[Problem]:
    analysis = analyse(text)
    wrong = analysis.too_large or (check_expression(text) if check_expression else None)
    if wrong:
        message = f"`{text}` cannot be evaluated. {wrong}"
        yield Problem(path, message, "Write CEL, such as `row.total <= parents.customer.credit_limit`.")
    for root in dict.fromkeys(str(reference.path[0]) for reference in analysis.references):
        if root not in known:
            message = f"`{root}` is not known here; a rule sees {listed([f'`{name}`' for name in known])}."
            fix = "Put the value into `parameters`, and write `parameters.name`." if root == "context" else ""
            near = closest(root, known)
            yield Problem(path, message, fix or (f"Write `{near}`." if near else "Write one of these."))
        elif (fields := known[root]) is not None:
            for name in dict.fromkeys(_members(text, root)):
                if name not in fields:
                    near = closest(name, fields)
                    message = f"`{root}.{name}`: there is no `{name}` among the step's `{root}`."
                    fix = f"Write `{root}.{near}`." if near else f"It has {listed(fields) or 'none'}."
                    yield Problem(path, message, fix)
