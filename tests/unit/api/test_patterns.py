"""Patterns of inputs are those of JSON Schema, in linear time."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.patterns import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^CUST-[0-9]+$", "CUST-1", True),
        ("^CUST-[0-9]+$", "CUST-1\n", False),
        ("^CUST-[0-9]+$", "x CUST-1", False),
        ("UST", "CUST-1", True),
        ("^.{1,3}$", "äöü", True),
    ],
)
def test_a_pattern_is_looked_for_anywhere_and_a_dollar_is_the_very_end(pattern, text, found):
    assert compile_pattern(pattern)(text) is found


def test_a_pattern_that_would_take_others_for_ever_is_quick():
    assert compile_pattern("^(a+)+$")("a" * 30_000 + "b") is False


@pytest.mark.parametrize(
    ("pattern", "reason"), [("(a", "unclosed group"), ("(?=a)", "look-around"), (r"(a)\1", "backreferences")]
)
def test_what_is_no_pattern_is_told(pattern, reason):
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)
