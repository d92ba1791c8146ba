from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.kube.status_patches import changed_status, same
from tests.support.json_patch import apply_json_patch

values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab~/", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=3), inner, max_size=3),
    max_leaves=8,
)
steps = st.dictionaries(
    st.sampled_from(["a", "b", "c"]), st.dictionaries(st.text("xy", max_size=2), values, max_size=3)
)
statuses = st.fixed_dictionaries(
    {"phase": st.sampled_from(["Running", "Failed"])}, optional={"steps": steps, "output": values}
)


@given(statuses, statuses)
def test_the_patch_turns_one_status_exactly_into_the_other(old: dict[str, Any], new: dict[str, Any]):
    patched = apply_json_patch({"status": old}, changed_status(old, new))

    assert same(patched["status"], new)


@given(statuses)
def test_an_equal_status_needs_no_patch(status: dict[str, Any]):
    assert changed_status(status, status) == []


def test_only_the_step_that_changed_is_sent():
    old = {"phase": "Running", "steps": {"a": {"phase": "Succeeded", "output": "x" * 1000}, "b": {"phase": "Starting"}}}
    new = {"phase": "Running", "steps": {**old["steps"], "b": {"phase": "Running"}}}  # type: ignore[dict-item]  # JSON

    assert changed_status(old, new) == [{"op": "add", "path": "/status/steps/b", "value": {"phase": "Running"}}]


@pytest.mark.parametrize(("one", "other"), [(1, True), (0, False), (1, 1.0), ([1], [1.0]), ({"a": None}, {})])
def test_what_a_program_can_tell_apart_is_not_the_same(one: Any, other: Any):
    assert not same(one, other)


def test_nulls_inside_outputs_are_sent():
    old = {"phase": "Running", "steps": {"a": {"phase": "Running"}}}
    new = {"phase": "Running", "steps": {"a": {"phase": "Succeeded", "output": {"n": None}}}}

    assert changed_status(old, new)[0]["value"]["output"] == {"n": None}
