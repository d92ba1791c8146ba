"""The Evaluator of ports/engine.py.

A plain path is looked up. What is little work runs in place: microseconds. Anything else may hold the interpreter for
minutes (the library has no cost limit and keeps the lock): what loops, matches a pattern or puts large values together.
It runs in a process that is killed at its deadline. There are two of these. Whatever has not come to its end after a
moment in the first begins again in the second, so that nobody waits behind an expression that takes seconds.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from penstock.adapters.apart import Apart, DiedError, Line, OverdueError
from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.failures import TOO_MUCH, explain
from penstock.adapters.cel.lookups import Missing, look_up, only
from penstock.adapters.cel.values import MAX_DEPTH, as_text, heavier, too_deep
from penstock.adapters.cel.worker import begin, work
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
IN_PLACE = 256 * 1024
"""Characters and entries of the values times operators: what an expression may have that is worked out in place."""
MOMENT = timedelta(milliseconds=200)
"""How long an expression may keep others waiting."""
REMEMBERED = 256
"""Slow expressions that are known by their text."""
SHOWN = 200
"""Characters of an expression in an error."""


class CelEvaluator:
    """Works out expressions. Worker processes start with the first expression that needs them; `close` ends them."""

    def __init__(self, *, deadline: timedelta = timedelta(seconds=2)) -> None:
        self._deadline = deadline
        self._quick = Line(Apart(min(MOMENT, deadline), initializer=begin), most=8)
        self._slow = Line(Apart(deadline, initializer=begin), most=4)
        self._known_slow: OrderedDict[str, None] = OrderedDict()

    def check_expression(self, text: str) -> str | None:
        """What is wrong with an expression, as a plain sentence; for compiling a Workflow."""
        return check_expression(text)

    async def evaluate(self, expression: str, scope: Mapping[str, Any], *, template: bool = False) -> Value:
        """Work out an expression, or with `template` a text with `{{ CEL }}` in it. Errors come back in the Value.

        Values that come of a text are put in as they are: braces in them are not looked at again. Raises Unavailable
        where too much is being worked out already.
        """
        if not template:
            value = await self._expression(expression, scope)
            return value if value.error is None else Value(error=f"`{_shortened(expression)}`: {value.error}")
        try:
            pieces = split_template(expression)
        except ValueError as error:
            return Value(error=str(error))
        parts = []
        for piece in pieces:
            if not piece.is_expression:
                parts.append(piece.text)
                continue
            # A text may hold thousands of expressions; others get their turn in between.
            await asyncio.sleep(0)
            value = await self._expression(piece.text, scope)
            if value.error is not None:
                return Value(error=f"`{{{{ {piece.text} }}}}`: {value.error}")
            parts.append(as_text(value.value))
        return Value("".join(parts))

    def close(self) -> None:
        """End the worker processes; harmless when there are none."""
        self._quick.process.close()
        self._slow.process.close()

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
        if _little_work(expression, analysis, variables):
            return _outcome(work(expression, variables), analysis, scope)
        try:
            return _outcome(await self._apart(expression, variables), analysis, scope)
        except OverdueError:
            seconds = self._deadline.total_seconds()
            return Value(error=f"it took longer than {seconds:g} s; loop over fewer elements, or do this in a step")
        except DiedError:
            return Value(error=TOO_MUCH)

    async def _apart(self, expression: str, variables: dict[str, Any]) -> tuple[Any, Any]:
        if expression not in self._known_slow:
            async with self._quick.place() as process:
                # Whoever waited behind the same expression knows by now that it is slow.
                if expression not in self._known_slow:
                    try:
                        return await process.call(work, expression, variables)
                    except OverdueError:
                        self._remember(expression)
        async with self._slow.place() as process:
            begun = asyncio.get_running_loop().time()
            result = await process.call(work, expression, variables)
            if asyncio.get_running_loop().time() - begun < MOMENT.total_seconds():
                # The machine was slow, not the expression.
                self._known_slow.pop(expression, None)
            return result

    def _remember(self, expression: str) -> None:
        self._known_slow[expression] = None
        if len(self._known_slow) > REMEMBERED:
            self._known_slow.popitem(last=False)


def _little_work(expression: str, analysis: Analysis, variables: Mapping[str, Any]) -> bool:
    if analysis.comprehension_depth or any(call.name == "matches" for call in analysis.calls):
        return False
    limit = IN_PLACE // (analysis.operators + 1)
    return not heavier([expression, variables], limit)


def _shortened(expression: str) -> str:
    text = " ".join(expression.split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


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
