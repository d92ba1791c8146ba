"""What is said of an expression without the library agrees with what the library does."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from penstock.adapters.cel.checking import check_expression
from penstock.adapters.cel.library import load_cel
from penstock.adapters.cel.lookups import Missing, look_up, only
from penstock.adapters.cel.values import to_json
from penstock.adapters.cel.worker import work
from penstock.api.v1alpha1.expressions import analyse, corrected, plain_path, render_path, split_template

SCOPE = {
    "context": {"a": 1, "b": {"c": [1, 2, {"d": "x"}], "e": None}, "f": "it's", "g-h": 2.5},
    "steps": {"x": {"phase": "Succeeded", "output": {"id": "i", "list": [3, 4]}}, "y": {"phase": "Skipped"}},
    "run": {"name": "r"},
}

keys = st.sampled_from(["a", "b", "c", "d", "e", "f", "x", "y", "output", "phase", "id", "list", "zzz"])
accessors = keys.map(lambda key: f".{key}") | st.sampled_from(["[0]", "[7]", "['b']", '["g-h"]', "['c']"])
paths = st.builds(
    lambda root, rest: root + "".join(rest),
    st.sampled_from(["context", "steps", "run"]),
    st.lists(accessors, max_size=4),
)
literals = st.sampled_from(["1", "2.5", "'x'", '"steps.y"', "true", "null", "[1, 2]", "{'a': 1}"])
expressions = st.recursive(
    paths | literals,
    lambda inner: st.builds(
        lambda form, left, right: form.format(left, right),
        st.sampled_from(
            [
                "{0} == {1}",
                "({0}) && ({1})",
                "[{0}, {1}]",
                "{0} + {1}",
                "size({0})",
                "{0} in {1}",
                "!({0})",
                "has({0}.a)",
                "{0}[{1}]",
                "({0}) ? ({1}) : 1",
                "{{'k': {0}}}",
                "{0}.map(v, v == {1})",
                "{0}.exists(v, v == 1)",
            ]
        ),
        inner,
        inner,
    ),
    max_leaves=5,
)


@given(paths)
def test_a_plain_path_comes_to_what_the_library_comes_to(text):
    path = plain_path(text)
    assert path is not None
    value, fault = work(text, SCOPE)
    try:
        assert look_up(SCOPE, path) == value
        assert fault is None
    except Missing:
        assert fault is not None


@given(expressions)
def test_an_expression_comes_to_the_same_on_the_part_that_it_names(text):
    part = only(SCOPE, (reference.path for reference in analyse(text).references))

    assert work(text, part) == work(text, SCOPE)


@given(expressions)
def test_an_expression_comes_to_the_same_each_time(text):
    first = json.dumps(work(text, SCOPE))

    assert [json.dumps(work(text, SCOPE)) for _ in range(5)] == [first] * 5


@given(expressions)
def test_every_name_that_the_library_sees_is_seen_here(text):
    try:
        seen = set(load_cel().compile(text).variables())
    except ValueError:
        return
    roots = {str(reference.path[0]) for reference in analyse(text).references}

    # The library counts the variables of loops as well.
    assert roots <= seen <= roots | {"v"}


@given(expressions | st.text(max_size=60))
def test_the_check_answers_for_every_text(text):
    message = check_expression(text) if text.strip() else "empty"

    assert message is None or message.strip()
    if message is None and plain_path(text) is None:
        load_cel().compile(text)


@given(st.text(alphabet="{}'\"ax .", max_size=30))
def test_a_text_is_split_without_losing_a_character_outside_the_braces(text):
    try:
        pieces = split_template(text)
    except ValueError:
        return
    shown = "".join(f"{{{{{piece.text}}}}}" if piece.is_expression else piece.text for piece in pieces)

    assert shown.replace(" ", "") == text.replace(" ", "")


@given(expressions)
def test_good_cel_is_not_corrected(text):
    assert corrected(text) is None


@given(st.lists(st.text(st.characters(exclude_characters='"\\\n'), max_size=5) | st.integers(0, 9), max_size=4))
def test_a_rendered_path_is_read_as_the_same_path(rest):
    path = ("context", *rest)

    assert plain_path(render_path(path)) == path


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3), st.lists, max_leaves=5))
def test_json_stays_as_it_is(value):
    assert to_json(value) == value
