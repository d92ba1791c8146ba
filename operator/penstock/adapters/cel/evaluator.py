"""The Evaluator of ports/engine.py.

A plain path is looked up. What has no loop runs in place: microseconds. What loops may hold the interpreter for
minutes (the library has no cost limit and keeps the lock), so it runs in a process that is killed at its deadline.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from penstock.adapters.apart import Apart, DiedError, OverdueError
from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.failures import explain
from penstock.adapters.cel.lookups import Missing, look_up, only
from penstock.adapters.cel.values import MAX_DEPTH, as_text, too_deep
from penstock.adapters.cel.worker import end_at_once, work
from penstock.api.v1alpha1.expressions import (
    MAX_COMPREHENSION_DEPTH,
    Analysis,
    analyse,
    plain_path,
    render_path,
    split_template,
)
from penstock.engine.facts import Value

MAX_LIST = 2_000
"""Elements of a list that a macro loops over."""


class CelEvaluator:
    """Works out expressions. A worker process starts with the first expression that loops; `close` ends it."""

    def __init__(self, *, deadline: timedelta = timedelta(seconds=2)) -> None:
        self._apart = Apart(deadline, initializer=end_at_once)

    def check_expression(self, text: str) -> str | None:
        """What is wrong with an expression, as a plain sentence; for compiling a Workflow."""
        return check_expression(text)

    async def evaluate(self, expression: str, scope: Mapping[str, Any], *, template: bool = False) -> Value:
        """Work out an expression, or with `template` a text with `{{ CEL }}` in it. Errors come back in the Value.

        Values that come of a text are put in as they are: braces in them are not looked at again.
        """
        if not template:
            return await self._expression(expression, scope)
        try:
            pieces = split_template(expression)
        except ValueError as error:
            return Value(error=str(error))
        parts = []
        for piece in pieces:
            if not piece.is_expression:
                parts.append(piece.text)
                continue
            value = await self._expression(piece.text, scope)
            if value.error is not None:
                return Value(error=f"`{{{{ {piece.text} }}}}`: {value.error}")
            parts.append(as_text(value.value))
        return Value("".join(parts))

    def close(self) -> None:
        """End the worker process; harmless when there is none."""
        self._apart.close()

    async def _expression(self, expression: str, scope: Mapping[str, Any]) -> Value:
        path = plain_path(expression)
        if path is not None:
            try:
                return Value(look_up(scope, path))
            except Missing as missing:
                return Value(error=str(missing))
        analysis = analyse(expression)
        variables = only(scope, (reference.path for reference in analysis.references))
        wrong = analysis.too_large or _unfit(analysis, variables)
        if wrong:
            return Value(error=wrong)
        if analysis.comprehension_depth:
            return await self._worked_out(expression, analysis, scope, variables)
        return _outcome(work(expression, variables), analysis, scope)

    async def _worked_out(
        self, expression: str, analysis: Analysis, scope: Mapping[str, Any], variables: dict[str, Any]
    ) -> Value:
        try:
            return _outcome(await self._apart.call(work, expression, variables), analysis, scope)
        except OverdueError:
            seconds = self._apart.deadline.total_seconds()
            return Value(error=f"it took longer than {seconds:g} s; loop over fewer elements, or do this in a step")
        except DiedError:
            return Value(error="it ended the process that evaluates it; use less memory, or do this in a step")


def _unfit(analysis: Analysis, variables: Mapping[str, Any]) -> str | None:
    """Why these values must not be given to the library."""
    if analysis.comprehension_depth > MAX_COMPREHENSION_DEPTH:
        return f"it has more than {MAX_COMPREHENSION_DEPTH} loops inside each other"
    if too_deep(variables):
        return f"a value in it is nested more than {MAX_DEPTH} deep"
    for reference in analysis.references:
        if reference.ranged:
            try:
                size = len(look_up(variables, reference.path))
            except (Missing, TypeError):
                continue
            if size > MAX_LIST:
                where = render_path(reference.path)
                return f"{where} has {size:,} elements; an expression loops over {MAX_LIST:,} at most"
    return None


def _outcome(result: tuple[Any, Any], analysis: Analysis, scope: Mapping[str, Any]) -> Value:
    value, fault = result
    return Value(error=explain(fault, analysis, scope)) if fault is not None else Value(value)
