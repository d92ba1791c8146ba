"""Sets of item numbers: the same as sets, and small as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.engine.indices import Indices

numbers = st.sets(st.integers(0, 2_000), max_size=200)


@pytest.mark.parametrize(
    ("members", "want"),
    [
        pytest.param([], "", id="none"),
        pytest.param([0], "0", id="the first"),
        pytest.param([7, 0, 1, 2], "0-2,7", id="neighbours are one range"),
        pytest.param([49_999], "49999", id="the last of many"),
    ],
)
def test_the_text_is_what_people_would_write(members, want):
    assert Indices.of(members).text() == want


@pytest.mark.parametrize("step", [2, 3, 97, 1000])
def test_every_pattern_of_50_000_is_small(step):
    scattered = Indices.of(range(0, 50_000, step))
    assert len(scattered.text()) <= 8400
    assert Indices.parse(scattered.text()) == scattered


@given(numbers)
def test_what_was_written_is_read_back(members):
    assert Indices.parse(Indices.of(members).text()) == Indices.of(members)


@given(numbers, numbers)
def test_they_are_sets(left, right):
    one, other = Indices.of(left), Indices.of(right)
    assert list(one | other) == sorted(left | right)
    assert list(one & other) == sorted(left & right)
    assert list(one - other) == sorted(left - right)
    assert len(one) == len(left)
    assert all((number in one) == (number in left) for number in right)


@given(numbers, st.integers(0, 2_000), st.integers(0, 2_000))
def test_those_of_a_batch(members, start, end):
    assert set(Indices.of(members).within(start, end)) == members & set(range(start, end))
    assert list(Indices.span(start, end)) == list(range(start, end))


@pytest.mark.parametrize("text", ["1,x", "9-1", "-1", "0-99999999999999", "99999999999999", "bits:%%"])
def test_a_text_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        Indices.parse(text)
