"""Expressions come to JSON values, or to a sentence that says why not; none can hold the operator up."""

from __future__ import annotations

import asyncio
import multiprocessing
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.engine.facts import Value
from penstock.errors import Unavailable
from tests.support.eventually import eventually

SCOPE = {
    "context": {"order_total": 900, "note": None, "tags": ["a", "b"], "ratio": 1.5},
    "steps": {
        "charge": {
            "phase": "Succeeded",
            "output": {
                "order_id": "ORD-1",
                "lines": [{"sku": "A"}, {"sku": "B"}],
                "many": list(range(2_001)),
                "enough": list(range(2_000)),
            },
        },
        "release": {"phase": "Skipped"},
    },
    "run": {"name": "order-1", "namespace": "sales"},
}


@pytest.fixture(scope="module")
def evaluator() -> Iterator[CelEvaluator]:
    made = CelEvaluator(deadline=timedelta(seconds=60))
    yield made
    made.close()


VALUES = {
    "a plain path": ("steps.charge.output.order_id", "ORD-1"),
    "a whole output": ("steps.charge.output.lines", [{"sku": "A"}, {"sku": "B"}]),
    "an element": ("steps.charge.output.lines[1].sku", "B"),
    "a comparison of a whole number with decimals": ("context.order_total > 500.0", True),
    "both sides": ("context.order_total > 500.0 && steps.charge.output.order_id == 'ORD-1'", True),
    "a field that is not there": ("has(steps.charge.output.refund)", False),
    "a field that is asked for only if it is there": ("has(context.x) && context.x > 1", False),
    "text put together": ("'order ' + steps.charge.output.order_id", "order ORD-1"),
    "a list put together": ("context.tags + ['c']", ["a", "b", "c"]),
    "a map": ("{'id': steps.charge.output.order_id, 'n': size(context.tags)}", {"id": "ORD-1", "n": 2}),
    "keys that are no text": ("{1: 'a', false: 'b'}", {"1": "a", "false": "b"}),
    "null": ("context.note == null ? null : 1", None),
    "bytes become base64": ("b'abc'", "YWJj"),
    "a time becomes RFC 3339": ("timestamp('2030-01-01T01:00:00+01:00')", "2030-01-01T00:00:00Z"),
    "a duration becomes seconds": ("duration('90s')", "90s"),
    "a number without sign": ("3u", 3),
    "a loop": ("steps.charge.output.lines.map(line, line.sku)", ["A", "B"]),
    "a loop over the longest list": ("steps.charge.output.enough.all(n, n >= 0)", True),
    "a loop inside a loop": ("context.tags.map(t, context.tags.map(u, t + u))", [["aa", "ab"], ["ba", "bb"]]),
    "a loop over the steps": ("steps.exists(name, steps[name].phase == 'Skipped')", True),
    "a long list that nothing loops over": ("size(steps.charge.output.many)", 2_001),
}


@pytest.mark.parametrize(("expression", "value"), VALUES.values(), ids=VALUES)
async def test_an_expression_comes_to_a_json_value(evaluator, expression, value):
    assert await evaluator.evaluate(expression, SCOPE) == Value(value)


ERRORS = {
    "a field that is near another": (
        "steps.charge.output.orderid",
        "steps.charge.output has no field `orderid`; it has `order_id`",
    ),
    "the same inside an expression": (
        "steps.charge.output.orderid == 'x'",
        "steps.charge.output has no field `orderid`; it has `order_id`",
    ),
    "the output of a step that was skipped": (
        "steps.release.output.by == 'x'",
        "step `release` has no output; it is Skipped",
    ),
    "a field of the context": (
        "context.zzz == 1",
        "context has no field `zzz`; it has `order_total`, `note`, `tags` and `ratio`",
    ),
    "a field of null": ("context.note.x", "context.note is null and has no field `x`"),
    "an element beyond the end": (
        "steps.charge.output.lines[7].sku",
        "steps.charge.output.lines has no element 7; it has 2",
    ),
    "a step that is not seen": ("steps.nope.output", "the outcome of step `nope` is not known here"),
    "a name that is not known": ("foo == 1", "`foo` is not known"),
    "kinds that do not go together": (
        "context.order_total + context.ratio",
        "context.order_total is a whole number, context.ratio is a number with decimals; convert with int(), double()",
    ),
    "a function on the wrong kind": (
        "size(context.order_total) > 1",
        "`size` cannot be used on these values: context.order_total",
    ),
    "a division by zero": ("context.order_total / 0", "it divides by zero"),
    "a number too large": ("9223372036854775807 + 1", "a number is too large"),
    "a number that JSON does not know": ("0.0 / 0.0", "not a finite number"),
    "a loop over too much": (
        "steps.charge.output.many.map(n, n)",
        "has 2,001 elements; an expression loops over 2,000 at most",
    ),
    "a field missing inside a loop": ("steps.charge.output.lines.map(line, line.price)", "there is no field `price`"),
    "three loops": ("[1].map(a, [1].map(b, [1].map(c, c)))", "more than 2 loops"),
    "what is not CEL": ("1 +", "Failed to parse"),
}


@pytest.mark.parametrize(("expression", "error"), ERRORS.values(), ids=ERRORS)
async def test_an_error_is_a_sentence_that_names_the_path(evaluator, expression, error):
    found = await evaluator.evaluate(expression, SCOPE)

    assert found.value is None
    assert error in str(found.error)


async def test_a_value_nested_without_end_is_refused(evaluator):
    deep: object = 1
    for _ in range(500):
        deep = [deep]

    found = await evaluator.evaluate("context.a == 1", {"context": {"a": deep}})

    assert found.error == "`context.a == 1`: a value in it is nested more than 64 deep"


async def test_text_that_is_not_unicode_is_an_error_and_no_crash(evaluator):
    found = await evaluator.evaluate("context.a == 'x'", {"context": {"a": "\ud800"}})

    assert "valid Unicode" in str(found.error)


TEMPLATES = {
    "text alone": ("Release?", "Release?"),
    "text and numbers": ("{{ steps.charge.output.order_id }} of {{context.order_total}}", "ORD-1 of 900"),
    "lists and null as JSON": ("{{ context.tags }} {{ context.note }}", '["a", "b"] null'),
    "an expression": ("{{ context.order_total > 500.0 ? 'high' : 'low' }}", "high"),
    "a loop": ("{{ steps.charge.output.lines.map(l, l.sku) }}", '["A", "B"]'),
}


@pytest.mark.parametrize(("text", "result"), TEMPLATES.values(), ids=TEMPLATES)
async def test_a_text_with_cel_in_it(evaluator, text, result):
    assert await evaluator.evaluate(text, SCOPE, template=True) == Value(result)


async def test_braces_in_a_value_are_not_evaluated_again(evaluator):
    scope = {"context": {"a": "{{ context.secret }}", "secret": "x"}}

    assert await evaluator.evaluate("{{ context.a }}", scope, template=True) == Value("{{ context.secret }}")


async def test_the_part_of_a_text_that_fails_is_named(evaluator):
    found = await evaluator.evaluate("a {{ context.order_total }} b {{ context.zzz }}", SCOPE, template=True)

    assert str(found.error).startswith("`{{ context.zzz }}`: context has no field `zzz`")


async def test_an_error_says_of_which_expression(evaluator):
    long = f"context.tags.map(tag,\n  tag + '{'x' * 300}').zzz"

    assert str((await evaluator.evaluate("1  /\n 0", SCOPE)).error) == "`1 / 0`: it divides by zero"
    assert "`context.tags.map(tag, tag + 'xxxx" in str((await evaluator.evaluate(long, SCOPE)).error)
    assert "x…`: " in str((await evaluator.evaluate(long, SCOPE)).error)


LOOP = "context.n.map(a, context.n.map(b, a + b)).size()"
VALUES_OF_BOMBS = {
    "context": {
        "n": list(range(1_900)),
        "text": "a" * 900_000,
        "pages": ["a" * 100_000] * 8,
        "rows": [[1] * 100] * 5_000,
    }
}
BOMBS = {
    "a loop inside a loop": LOOP,
    "a pattern": "context.text.matches('((a{0,100}){0,100}){0,10}b')",
    "much text put together": f"size({' + '.join(['context.text'] * 100)})",
    "long lists put together and compared": f"{' + '.join(['context.rows'] * 60)} == []",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
async def test_an_expression_without_end_is_killed_and_holds_nobody_up(bomb):
    evaluator = CelEvaluator(deadline=timedelta(milliseconds=300))
    try:
        # The worker is there before the clock of the other thread of this test begins to tick.
        assert (await evaluator.evaluate("[1].map(x, x)", {})).error is None
        ticks = 0
        task = asyncio.create_task(evaluator.evaluate(bomb, VALUES_OF_BOMBS))
        while not task.done():
            await asyncio.sleep(0.01)
            ticks += 1

        assert (await task).error is not None
        assert ticks > 5
        assert await evaluator.evaluate("[1].map(x, x + 1)", {}) == Value([2])
    finally:
        evaluator.close()


async def test_what_takes_long_is_told_how_long_it_may():
    evaluator = CelEvaluator(deadline=timedelta(milliseconds=300))
    try:
        found = await evaluator.evaluate(LOOP, VALUES_OF_BOMBS)

        assert str(found.error).startswith(f"`{LOOP}`: it took longer than 0.3 s")
    finally:
        evaluator.close()


async def test_nobody_waits_behind_slow_expressions():
    evaluator = CelEvaluator(deadline=timedelta(seconds=60))
    try:
        slow = [asyncio.create_task(evaluator.evaluate(LOOP, VALUES_OF_BOMBS)) for _ in range(6)]

        for number in range(20):
            assert await evaluator.evaluate(f"[1].map(x, x + {number})", {}) == Value([1 + number])

        # Only so many may wait; the others are to come again.
        done, pending = await asyncio.wait(slow, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert pending
        assert {type(task.exception()) for task in done} == {Unavailable}
    finally:
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        evaluator.close()


async def test_what_takes_too_much_memory_ends_its_own_process_alone():
    evaluator = CelEvaluator(deadline=timedelta(seconds=60))
    try:
        bomb = f"size(context.n.map(a, {' + '.join(['context.text'] * 20)}))"
        found = await evaluator.evaluate(bomb, VALUES_OF_BOMBS)

        assert "takes too much memory" in str(found.error)
        assert await evaluator.evaluate("[1].map(x, x + 1)", {}) == Value([2])
    finally:
        evaluator.close()


async def test_a_result_beyond_all_bounds_never_comes_back(evaluator):
    found = await evaluator.evaluate(" + ".join(["context.text"] * 10), VALUES_OF_BOMBS)

    assert "it comes to too much" in str(found.error)


@pytest.mark.parametrize("busy", [False, True], ids=["while it has nothing to do", "while it works"])
async def test_a_process_that_somebody_kills_costs_its_own_expression_alone(busy):
    evaluator = CelEvaluator(deadline=timedelta(seconds=60))
    try:
        others = set(multiprocessing.active_children())
        assert await evaluator.evaluate("[1].map(x, x)", {}) == Value([1])
        slow = asyncio.create_task(evaluator.evaluate(LOOP, VALUES_OF_BOMBS)) if busy else None
        if busy:
            await eventually(lambda: any(map(at_work, children_but(others))), seconds=30)
        for child in children_but(others):
            child.kill()

        assert await evaluator.evaluate("[1].map(x, x + 1)", {}) == Value([2])
        if slow is not None:
            assert "takes too much memory" in str((await slow).error)
    finally:
        evaluator.close()


def children_but(others):
    return [child for child in multiprocessing.active_children() if child not in others]


def at_work(child):
    """Whether a process lives and has used the processor for longer than it takes to start."""
    try:
        fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return False
    return int(fields[11]) > 150


async def test_closing_twice_and_closing_what_never_began_is_harmless():
    evaluator = CelEvaluator()
    evaluator.close()
    assert await evaluator.evaluate("[1].map(x, x)", {}) == Value([1])
    evaluator.close()
    evaluator.close()


def modules_after(program: str) -> str:
    script = f"""
import asyncio, sys
from penstock.adapters.cel.evaluator import CelEvaluator
evaluator = CelEvaluator()
{program}
names = ("cel", "cel.cel", "rich", "prompt_toolkit", "pebble", "multiprocessing", "pydantic", "yaml")
print([name for name in names if name in sys.modules])
"""
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


def test_a_plain_path_needs_no_library():
    assert modules_after("asyncio.run(evaluator.evaluate('context.a', {'context': {'a': 1}}))") == "[]"


def test_an_expression_needs_the_library_and_not_its_command_line():
    assert modules_after("asyncio.run(evaluator.evaluate('1 + 1', {}))") == "['cel.cel']"


def test_the_whole_package_can_still_be_imported_afterwards():
    program = "asyncio.run(evaluator.evaluate('1 + 1', {})); import cel; assert cel.evaluate('1 + 1') == 2"

    assert "'cel'" in modules_after(program)
