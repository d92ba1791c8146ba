"""Only what an expression names is handed to the library."""

from __future__ import annotations

from types import MappingProxyType

from penstock.adapters.cel.lookups import only

SCOPE = {"context": {"a": 1, "b": {"c": 2, "d": 3}}, "steps": {"x": {"output": {"big": [1], "id": "i"}}}}


def test_a_path_brings_itself_and_nothing_beside_it():
    assert only(SCOPE, [("steps", "x", "output", "id"), ("context", "b", "c")]) == {
        "steps": {"x": {"output": {"id": "i"}}},
        "context": {"b": {"c": 2}},
    }


def test_a_longer_path_does_not_narrow_a_shorter_one():
    assert only(SCOPE, [("context", "b", "c"), ("context", "b")]) == {"context": {"b": {"c": 2, "d": 3}}}


def test_a_list_comes_whole():
    assert only(SCOPE, [("steps", "x", "output", "big", 0)]) == {"steps": {"x": {"output": {"big": [1]}}}}


def test_a_path_that_leads_nowhere_brings_what_it_passes():
    assert only(SCOPE, [("context", "b", "zzz"), ("nope", "x")]) == {"context": {"b": {}}}


def test_the_scope_itself_is_never_written_to():
    frozen = MappingProxyType({"context": MappingProxyType({"b": MappingProxyType({"c": 2})})})

    assert only(frozen, [("context", "b"), ("context", "b", "c")]) == {"context": {"b": {"c": 2}}}
