"""The quick JSON says the same as the standard library's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_runtimes.harness import lean_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any):
    assert lean_json.loads(lean_json.dumps(value)) == value
    assert json.loads(lean_json.dumps(value)) == value


@given(VALUES, st.sampled_from([None, 1]))
def test_what_the_standard_library_writes_is_read(value: Any, indent: int | None):
    assert lean_json.loads(json.dumps(value, indent=indent)) == value


@given(st.text(alphabet='[]{}",:0123456789.eE+-truefalsn \n\\u', max_size=20))
def test_the_same_texts_are_refused(text: str):
    def strict(name: str) -> None:
        raise ValueError(name)

    try:
        want = json.loads(text, parse_constant=strict)
    except ValueError:
        with pytest.raises(ValueError, match=r"."):
            lean_json.loads(text)
    else:
        assert lean_json.loads(text) == want


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":-Infinity}'])
def test_what_is_no_json_is_refused_by_its_name(text: str):
    with pytest.raises(ValueError, match="is not JSON"):
        lean_json.loads(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x", {(1,): 2}])
def test_what_json_cannot_hold_is_not_written(value: Any):
    with pytest.raises((TypeError, ValueError)):
        lean_json.dumps(value)


def test_objects_can_be_made_of_another_type():
    class Mine(dict):  # type: ignore[type-arg]  # any will do
        pass

    assert type(lean_json.loads('{"a":{}}', Mine)["a"]) is Mine
