"""What an expression comes to does not hang on chance: what was shown is what runs."""

from __future__ import annotations

import json

import pytest

from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.ordering import without_chance
from penstock.adapters.cel.worker import work

SCOPE = {
    "context": {
        "map": {"e": 5, "b": 2, "d": 4, "a": 1, "c": 3},
        "inner": {"map": {"y": {"q": 1, "p": 2, "r": 3}, "x": {}}},
        "list": [3, 1, 2],
        "text": "t",
        "it": "mine",
    }
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("context.map.map(key, key)", ["a", "b", "c", "d", "e"]),
        ("context.map.filter(key, context.map[key] > 2)", ["c", "d", "e"]),
        ("context.map.map(key, context.map[key] > 2, key)", ["c", "d", "e"]),
        ("context['map'].map(key, key)[0]", "a"),
        ("(context.map).map(key, key)[4]", "e"),
        ("dyn(context.map).map(key, key)[4]", "e"),
        ("{'z': 1, 'y': 2, 'x': 3}.map(key, key)", ["x", "y", "z"]),
        ("{3: 'c', 1: 'a', 2: 'b'}.map(key, key)", [1, 2, 3]),
        ("context.inner.map.y.map(key, key)", ["p", "q", "r"]),
        ("[context.map, context.inner.map].map(each, each.map(key, key))", [["a", "b", "c", "d", "e"], ["x", "y"]]),
        ("context.list.map(each, context.inner.map.map(key, key + string(each)))[0]", ["x3", "y3"]),
        ("context.map.map(it, it + context.it)[0]", "amine"),
        ("'x' in context.inner.map && context.map.map(k, k)[0] == 'a'", True),
        ("2 in context.list.map(each, each + 1)", True),
    ],
)
def test_a_loop_over_a_map_goes_by_its_sorted_keys(text, value):
    assert check_expression(text) is None
    assert {json.dumps(work(text, SCOPE)) for _ in range(10)} == {json.dumps([value, None])}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("context.list + [4] + context.list", [3, 1, 2, 4, 3, 1, 2]),
        ("'a.map(' + context.text + ')'", "a.map(t)"),
        ("1 + -2 * -3 - 1", 6),
        ("1u + uint(context.list[0])", 4),
        ("duration('1s') + duration('2s')", "3s"),
        ("context.list.map(each, each + each)", [6, 2, 4]),
        ("(1 + 2) * (3 + context.list[1]) == 12 ? 'y' + 'es' : 'no'", "yes"),
        ("[1u].map(each, each + 1u)", [2]),
    ],
)
def test_what_has_an_order_stays_as_it_was(text, value):
    assert work(text, SCOPE) == (value, None)


@pytest.mark.parametrize("text", ["[1] + context.map", "context.list + context.inner.map.y + [1]", "[1] + {'a': 1}"])
def test_a_map_is_not_added_to_a_list(text):
    value, fault = work(text, SCOPE)
    assert value is None
    assert fault is not None
    assert fault.kind == "TypeError"


def test_a_map_that_comes_out_has_its_keys_sorted():
    value, _ = work("{'d': 1, 'b': {'z': 1, 'y': 2}, 'c': 3, 'a': 4}", {})
    assert json.dumps(value) == '{"a": 4, "b": {"y": 2, "z": 1}, "c": 3, "d": 1}'


def test_a_loop_over_a_list_that_is_known_costs_nothing():
    assert without_chance("context.list.map(each, each)", SCOPE) == "context.list.map(each, each)"


def test_nobody_else_uses_the_function():
    assert check_expression("sortedKeys(context.map)") is not None
