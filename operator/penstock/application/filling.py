"""Templates in JSON, filled with what their expressions come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.api.v1alpha1.templates import sole_expression
from penstock.engine.facts import Value
from penstock.ports.engine import Evaluator


async def fill(evaluator: Evaluator, data: Any, scope: Mapping[str, Any]) -> Value:
    """The data with every template filled, or the first error with its place.

    A text that is one expression becomes its value, whatever the type; in other texts values are written as text.
    What comes of an expression is not looked at again.
    """
    try:
        return Value(await _filled(evaluator, data, scope, ""))
    except _Unfilled as error:
        return Value(error=str(error))


class _Unfilled(Exception):
    """A template that cannot be filled, with its place."""


async def _filled(evaluator: Evaluator, data: Any, scope: Mapping[str, Any], path: str) -> Any:
    if isinstance(data, dict):
        return {key: await _filled(evaluator, item, scope, f"{path}.{key}") for key, item in data.items()}
    if isinstance(data, list):
        return [await _filled(evaluator, item, scope, f"{path}[{index}]") for index, item in enumerate(data)]
    if not isinstance(data, str) or "{{" not in data:
        return data
    value = await _text(evaluator, data, scope)
    if value.error is not None:
        raise _Unfilled(f"{path.lstrip('.')}: {value.error}" if path else value.error)
    return value.value


async def _text(evaluator: Evaluator, text: str, scope: Mapping[str, Any]) -> Value:
    try:
        expression = sole_expression(text)
    except ValueError as error:
        return Value(error=str(error))
    if expression is None:
        return await evaluator.evaluate(text, scope, template=True)
    return await evaluator.evaluate(expression, scope)
