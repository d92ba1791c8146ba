"""What a person edited stays, whatever is generated now."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.cli.importing.merging import merge
from penstock.errors import InvalidInput

HEAD = "kind: Workflow\nmetadata: {name: a}\n"
LINES = st.lists(st.sampled_from(["x: 1", "y: 2", "z: 3", "w: 4"]), max_size=6, unique=True)


def document(*lines: str, name: str = "a") -> str:
    return "\n".join([f"kind: Workflow\nmetadata: {{name: {name}}}", *lines, ""])


def file(*documents: str) -> str:
    return "---\n".join(documents)


def test_what_nobody_touched_becomes_what_is_generated():
    assert merge(document("x: 1"), document("x: 1"), document("x: 2")).text == document("x: 2")


def test_what_a_person_edited_stays_and_what_is_new_comes_in():
    base = document("x: 1", "y: 2", "z: 3", "w: 4")
    mine = document("x: 1", "y: 2", "# mine", "z: 30", "w: 4")
    new = document("x: 10", "y: 2", "z: 3", "w: 4", "v: 5")
    merged = merge(base, mine, new)
    assert merged.text == document("x: 10", "y: 2", "# mine", "z: 30", "w: 4", "v: 5")
    assert merged.conflicts == ()


def test_where_both_changed_the_person_is_right_and_it_is_told():
    merged = merge(document("x: 1", "y: 2"), document("x: 2", "y: 2"), document("x: 3", "y: 2"))
    assert merged.text == document("x: 2", "y: 2")
    [conflict] = merged.conflicts
    assert (conflict.name, conflict.kept, conflict.left_out) == ("Workflow a", "x: 2\n", "x: 3\n")


def test_documents_come_and_go():
    a, b, c = (document("x: 1", name=name) for name in "abc")
    assert merge(a, a, file(a, b)).text == file(a, b)
    assert merge(file(a, b), file(a, b), a).text == a
    # A person's own stays, and what a person removed does not come back.
    assert merge(file(a, b), file(a, c), file(a, b)).text == file(a, c)


def test_what_is_gone_but_was_edited_stays_and_is_told():
    a, b = document("x: 1"), document("x: 1", name="b")
    edited = document("x: 2", name="b")
    merged = merge(file(a, b), file(a, edited), a)
    assert merged.text == file(a, edited)
    assert [each.name for each in merged.conflicts] == ["Workflow b"]


@pytest.mark.parametrize("broken", ["kind: [", "kind: Workflow", "- a", file(HEAD, HEAD)])
def test_a_file_that_cannot_be_told_apart_is_left_alone(broken: str):
    with pytest.raises(InvalidInput):
        merge(HEAD, broken, HEAD)


@given(base=LINES, mine=LINES, new=LINES)
def test_no_edit_is_ever_lost(base: list[str], mine: list[str], new: list[str]):
    one, two, three = (document(*lines) for lines in (base, mine, new))
    assert merge(one, one, three).text == three
    assert merge(one, two, one).text == two
    merged = merge(one, two, three)
    for line in set(mine) - set(base):
        assert line in merged.text.splitlines()
