"""Names and edges."""

from __future__ import annotations

import pytest

from penstock.engine.graph import all_ancestors, ancestors, find_cycle


@pytest.mark.parametrize(
    ("needs", "want"),
    [
        pytest.param({"a": [], "b": ["a"], "c": ["a", "b"]}, (), id="a diamond is no cycle"),
        pytest.param({"a": ["a"]}, ("a", "a"), id="a step that needs itself"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["a"]}, ("a", "b", "c", "a"), id="a cycle of three"),
        pytest.param({"a": ["ghost"]}, (), id="an unknown name is a leaf"),
        pytest.param({}, (), id="nothing at all"),
    ],
)
def test_find_cycle(needs, want):
    assert find_cycle(needs) == want


def test_a_chain_of_thousands_does_not_overflow_the_stack():
    needs = {str(number): [str(number - 1)] for number in range(1, 5000)}
    assert find_cycle(needs) == ()
    assert len(ancestors(needs, "4999")) == 4999
    assert len(all_ancestors(needs)["4999"]) == 4999


def test_ancestors_are_all_that_is_needed_directly_or_not():
    assert ancestors({"c": ["b"], "b": ["a"], "d": []}, "c") == {"a", "b"}


def test_ancestors_of_all_names_are_those_of_each():
    needs = {"d": ["b", "c"], "a": [], "b": ["a"], "c": ["a", "ghost"], "e": ["d"], "f": []}
    assert {name: all_ancestors(needs)[name] for name in needs} == {name: ancestors(needs, name) for name in needs}


def test_ancestors_in_a_cycle_come_to_an_end():
    assert all_ancestors({"a": ["b"], "b": ["a"]}).keys() == {"a", "b"}
