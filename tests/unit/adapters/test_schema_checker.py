"""Checks against schemas: right whichever way they are done, and never longer than they may take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from penstock.adapters.schema_checker import SchemaChecker

NUMBERS = {"type": "array", "items": {"type": "integer"}}
ENDLESS = {"type": "array", "items": {"anyOf": [{"type": "string"} for _ in range(1000)]}}
"""Each value is held against a thousand forms and fits none."""


@pytest.fixture(scope="module")
def checker() -> Iterator[SchemaChecker]:
    made = SchemaChecker(deadline=timedelta(seconds=60))
    yield made
    made.close()


@pytest.mark.parametrize("length", [3, 50_000], ids=["small", "large"])
async def test_an_output_is_checked_whatever_its_size(checker: SchemaChecker, length: int):
    good = list(range(length))
    assert await checker.output(NUMBERS, good) == ()
    [problem] = await checker.output(NUMBERS, [*good[:-1], "x"])
    assert problem.path == f"output[{length - 1}]"


@pytest.mark.parametrize("length", [3, 15_000], ids=["small", "large"])
async def test_a_context_is_checked_whatever_its_size(checker: SchemaChecker, length: int):
    inputs = {"type": "object", "properties": {"lines": NUMBERS}}
    good = list(range(length))
    assert await checker.context(inputs, {"lines": good}) == ()
    [problem] = await checker.context(inputs, {"lines": [*good[:-1], "x"]})
    assert problem.path == f"context.lines[{length - 1}]"


async def test_without_inputs_a_context_has_no_fields(checker: SchemaChecker):
    assert await checker.context(None, {}) == ()


async def test_a_check_that_takes_too_long_is_given_up_and_said_to_be():
    checker = SchemaChecker(deadline=timedelta(milliseconds=300))
    try:
        [output] = await checker.output(ENDLESS, list(range(100_000)))
        inputs = {"type": "object", "properties": {"lines": ENDLESS}}
        [context] = await checker.context(inputs, {"lines": list(range(10_000))})
    finally:
        checker.close()
    assert "took longer than 0.3 s to check it against `outputs.schema`" in str(output)
    assert "took longer than 0.3 s to check it against `inputs`" in str(context)
