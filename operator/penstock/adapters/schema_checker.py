"""The Checker of ports/engine.py. Small checks run in place; what may take long, in a process with a deadline.

Whoever writes a Workflow chooses its schemas, and whoever runs it the values: together they could make one check last
for minutes, and the interpreter would do nothing else meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from penstock.adapters.apart import Apart, DiedError, Line, OverdueError
from penstock.api.v1alpha1.schema_keywords import MAX_WEIGHT, weight
from penstock.application.check_context import check_context
from penstock.application.check_output import check_output
from penstock.engine.digests import canonical
from penstock.errors import Problem

IN_PLACE = 500_000
"""Bytes of a schema times values to check: some 50 milliseconds at worst."""
_BYTES_A_SCHEMA = 50


class SchemaChecker:
    """Checks values. A worker process starts with the first check that may take long; `close` ends it."""

    def __init__(self, *, deadline: timedelta = timedelta(seconds=10)) -> None:
        self._deadline = deadline
        self._line = Line(Apart(deadline), most=8)

    async def context(self, inputs: Mapping[str, Any] | None, context: Mapping[str, Any]) -> tuple[Problem, ...]:
        """What of a context does not fit the Workflow's inputs."""
        if inputs is None or _quick(inputs, context):
            return check_context(inputs, context)
        try:
            async with self._line.place() as process:
                return await process.call(check_context, dict(inputs), dict(context))
        except (OverdueError, DiedError):
            return (self._gave_up("context", "inputs"),)

    async def output(self, schema: Mapping[str, Any], output: Any) -> tuple[Problem, ...]:
        """What of a run's output does not fit the Workflow's `outputs.schema`."""
        if _quick(schema, output):
            return check_output(schema, output)
        try:
            async with self._line.place() as process:
                return await process.call(check_output, dict(schema), output)
        except (OverdueError, DiedError):
            return (self._gave_up("output", "outputs.schema"),)

    def close(self) -> None:
        """End the worker process; harmless when there is none."""
        self._line.process.close()

    def _gave_up(self, path: str, schema: str) -> Problem:
        seconds = self._deadline.total_seconds()
        message = f"It took longer than {seconds:g} s to check it against `{schema}`."
        return Problem(path, message, "Make the schema simpler, or the value smaller.")


def _quick(schema: Mapping[str, Any], value: Any) -> bool:
    parts = weight(schema)
    size = max(len(canonical(dict(schema))), _BYTES_A_SCHEMA * (MAX_WEIGHT if parts is None else parts))
    return size * _values(value, IN_PLACE // size) <= IN_PLACE


def _values(value: Any, enough: int) -> int:
    """How many values there are in a value, itself included; counting ends beyond `enough`."""
    count, todo = 0, [value]
    while todo and count <= enough:
        count += 1
        found = todo.pop()
        if isinstance(found, dict):
            todo.extend(found.values())
        elif isinstance(found, list):
            todo.extend(found)
    return count
