"""What an expression names is known without evaluating it."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.expressions import analyse, corrected, plain_path, render_path, split_template

PATHS = {
    "fields": ("steps.a.output", ("steps", "a", "output")),
    "keys and elements": ("steps['a'].output[0][\"x-y\"]", ("steps", "a", "output", 0, "x-y")),
    "white space": (" context . note ", ("context", "note")),
    "one name": ("context", ("context",)),
    "a comparison is none": ("context.a > 1", None),
    "a call is none": ("context.a.size()", None),
    "a literal is none": ("true", None),
    "a number is none": ("5", None),
    "a key that is worked out is none": ("context[run.name]", None),
    "an escape in a key is none": (r"context['\x61']", None),
}


@pytest.mark.parametrize(("text", "path"), PATHS.values(), ids=PATHS)
def test_a_plain_path_is_known_as_one(text, path):
    assert plain_path(text) == path


def references(text: str) -> list[str]:
    return [render_path(reference.path) for reference in analyse(text).references]


NAMES = {
    "two paths": ("steps.a.output.x > context.y", ["steps.a.output.x", "context.y"]),
    "text in quotes has none": ("'steps.a' == \"steps.b\" + r'steps.c' + '''steps.d'''", []),
    "an escaped quote does not end the text": (r"'it\'s steps.a' == context.x", ["context.x"]),
    "a comment has none": ("context.x // steps.a", ["context.x"]),
    "an index that is worked out": ("steps.a.output[context.n].x", ["steps.a.output", "context.n"]),
    "the variable of a loop": ("context.xs.map(x, x.y + context.z)", ["context.xs", "context.z"]),
    "a variable only inside its loop": ("context.xs.map(x, x) == x", ["context.xs", "x"]),
    "the receiver of a method": ("context.note.startsWith(run.name)", ["context.note", "run.name"]),
    "map entries": ("{'a': context.x, context.y: 1}", ["context.x", "context.y"]),
    "a minus in a name": ("steps.send-email.output", ["steps.send", "email.output"]),
    "what is not valid still has names": ("context.a > (", ["context.a"]),
}


@pytest.mark.parametrize(("text", "names"), NAMES.values(), ids=NAMES)
def test_the_names_in_an_expression(text, names):
    assert references(text) == names


def test_what_stands_in_has_need_not_be_there():
    assert [found.optional for found in analyse("has(context.a) && context.a").references] == [True, False]


def test_what_a_macro_loops_over_is_marked():
    assert [found.ranged for found in analyse("context.a.map(x, x) + context.b").references] == [True, False]


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("context.a", 0),
        ("size(context.a)", 0),
        ("a.map(x, x)", 1),
        ("a.filter(x, x).map(x, x)", 1),
        ("a . map (x, b.all(y, y))", 2),
        ("a.map(x, x.exists(y, y.exists_one(z, z)))", 3),
        ("'a.map(x, x)'", 0),
    ],
)
def test_loops_inside_each_other_are_counted(text, depth):
    assert analyse(text).comprehension_depth == depth


TEMPLATES = {
    "no braces": ("plain { text }", [("plain { text }", False)]),
    "one expression": ("a {{ x }} b", [("a ", False), ("x", True), (" b", False)]),
    "no white space": ("{{x}}{{y}}", [("x", True), ("y", True)]),
    "braces in quotes": ("{{ '}}' }}!", [("'}}'", True), ("!", False)]),
    "a map": ("{{ {'a': {'b': 1}} }}", [("{'a': {'b': 1}}", True)]),
    "a quote in the text": ("it's {{ x }}, isn't it", [("it's ", False), ("x", True), (", isn't it", False)]),
    "a brace too many stays text": ("{{ x }}}", [("x", True), ("}", False)]),
}


@pytest.mark.parametrize(("text", "pieces"), TEMPLATES.values(), ids=TEMPLATES)
def test_a_text_is_split_into_text_and_cel(text, pieces):
    assert [(piece.text, piece.is_expression) for piece in split_template(text)] == pieces


@pytest.mark.parametrize("text", ["{{ x", "a {{ x }", "{{ {'a': 1 }}"])
def test_braces_that_are_never_closed_are_an_error(text):
    with pytest.raises(ValueError, match="never closed"):
        split_template(text)


@pytest.mark.parametrize(
    ("text", "cel"),
    [
        ("a and b", "a && b"),
        ("not a or b", "!a || b"),
        ("a = 1", "a == 1"),
        ("a === 1", "a == 1"),
        ("a == True", "a == true"),
        ("a == None", "a == null"),
        ("{{ a }}", "a"),
        ("a == 'x and y'", None),
        ("a.or.b", None),
        ("a != 1 && b <= 2", None),
    ],
)
def test_other_languages_are_put_into_cel(text, cel):
    assert corrected(text) == cel
