"""One byte string for one meaning."""

from __future__ import annotations

import pytest

from penstock.engine.digests import canonical, digest


def test_the_order_of_keys_does_not_matter():
    assert digest("s", {"b": 1, "a": [{"y": 1, "x": 2}]}) == digest("s", {"a": [{"x": 2, "y": 1}], "b": 1})


def test_keys_are_sorted_by_utf16_unit_as_rfc_8785_says():
    assert canonical({"\ufb33": 1, "\U0001f600": 2}).decode() == '{"\U0001f600":2,"\ufb33":1}'


def test_the_scheme_is_part_of_the_digest():
    assert digest("a", 1) != digest("b", 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        canonical(value)


@pytest.mark.parametrize(("left", "right"), [("\u00e9", "e\u0301"), (1, True), ("1", 1), (None, "")])
def test_values_that_only_look_alike_differ(left, right):
    assert digest("s", left) != digest("s", right)
