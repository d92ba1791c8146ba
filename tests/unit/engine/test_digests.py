"""One byte string for one meaning."""

from __future__ import annotations

import pytest

from penstock.engine.digests import canonical, digest


def test_the_order_of_keys_does_not_matter():
    assert digest("s", {"b": 1, "a": [{"y": 1, "x": 2}]}) == digest("s", {"a": [{"x": 2, "y": 1}], "b": 1})


def test_keys_are_sorted_by_utf16_unit_as_rfc_8785_says():
    assert canonical({"\ufb33": 1, "\U0001f600": 2}).decode() == '{"\U0001f600":2,"\ufb33":1}'


def test_keys_in_ascii_and_others_are_sorted_together():
    assert canonical({"b": 1, "é": 2, "a": 3, "Z": 4}).decode() == '{"Z":4,"a":3,"b":1,"é":2}'


def test_the_scheme_is_part_of_the_digest():
    assert digest("a", 1) != digest("b", 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match=r"JSON|surrogates"):
        canonical(value)


@pytest.mark.parametrize(("left", "right"), [("\u00e9", "e\u0301"), (1, True), ("1", 1), (None, "")])
def test_values_that_only_look_alike_differ(left, right):
    assert digest("s", left) != digest("s", right)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param(1.0, 1, id="a point without a fraction"),
        pytest.param(-0.0, 0, id="minus nothing"),
        pytest.param(1e20, 10**20, id="a float that is written in digits"),
        pytest.param(2**70, 1.1805916207174113e21, id="a whole number over 64 bits"),
        pytest.param(2**64 + 1, 18446744073709552000, id="a whole number that becomes a float written in digits"),
    ],
)
def test_a_number_that_an_api_server_writes_in_another_way_stays_the_same(sent, kept):
    assert canonical({"a": [sent]}) == canonical({"a": [kept]})


@pytest.mark.parametrize(("left", "right"), [(2**53, 2**53 + 1), (1.5, 1), (0.1, 0.10000000000000002)])
def test_numbers_that_an_api_server_keeps_apart_stay_apart(left, right):
    assert canonical(left) != canonical(right)


def test_a_number_that_no_program_can_hold_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        canonical(10**400)
