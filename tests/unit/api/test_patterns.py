"""Patterns of inputs are those of JSON Schema, in linear time."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.patterns import compile_pattern, count_parts


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


PARTS = {
    "letters": ("abc", 3),
    "a class": ("[a-z]", 1),
    "a class with brackets in it": (r"[]\]a]{4}", 4),
    "a repetition": ("a{3}b{2,5}", 8),
    "a repetition without end counts once": ("a+b*c?", 6),
    "a repetition of a repetition": ("(a{10}){10}", 120),
    "an alternative": ("(a|b){10}", 50),
    "a class of all letters of the world": (r"\w{3}", 30),
    "braces that are no repetition": (r"\{5}", 3),
}


@pytest.mark.parametrize(("pattern", "parts"), PARTS.values(), ids=PARTS)
def test_repetitions_are_written_out_to_count_the_parts(pattern, parts):
    assert count_parts(pattern) == parts


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "unclosed group"),
        ("(?=a)", "look-around"),
        (r"(a)\1", "backreferences"),
        ("(?i)a", "flags"),
        ("(a{100}){100}", "10,200 parts"),
        (r"\w{101}", "1,010 parts"),
    ],
)
def test_what_is_no_pattern_is_told(pattern, reason):
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)
