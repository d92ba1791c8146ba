"""Placeholders in Python scripts: bound in code, refused in strings, left alone in comments."""

from __future__ import annotations

import ast

import pytest

from penstock.engine.placeholders import PlaceholderProblem, bind

VALUE = 'it\'s {braces} and "quotes" \\ '


def problems_of(source: str) -> tuple[PlaceholderProblem, ...]:
    return bind("python", source, None).problems


@pytest.mark.parametrize(
    ("source", "want"),
    [
        pytest.param("x = {{context_x}}", 'x = context["x"]', id="a value"),
        pytest.param("f({{context_x}}, k={{ context_y }})", 'f(context["x"], k=context["y"])', id="arguments"),
        pytest.param("{'a': {{context_x}}}", "{'a': context[\"x\"]}", id="in a dict"),
        pytest.param("{ {{context_x}} }", '{ context["x"] }', id="in a set"),
        pytest.param("{{context_x}}.upper()", 'context["x"].upper()', id="before a dot"),
        pytest.param("a[{{context_x}}]", 'a[context["x"]]', id="a subscript"),
        pytest.param("x = 1  # {{context_x}}", "x = 1  # {{context_x}}", id="a comment"),
        pytest.param(
            "s = '{{ other }}' # é\ny = {{context_x}}", "s = '{{ other }}' # é\ny = context[\"x\"]", id="after é"
        ),
        pytest.param("a = 1\r\nb = {{context_x}}\r\n", 'a = 1\nb = context["x"]\n', id="Windows line ends"),
        pytest.param("x = (1,\n  {{context_x}})", 'x = (1,\n  context["x"])', id="the second line"),
    ],
)
def test_in_code_a_placeholder_is_a_reference(source: str, want: str):
    assert bind("python", source, None).source == want


def test_a_placeholder_in_a_comment_is_not_used():
    assert bind("python", "# {{context_x}}\n", frozenset()).used == frozenset()


STRINGS = {
    "double quotes": ('y = "a {{context_x}} b"', "y = f\"a {context['x']} b\""),
    "single quotes": ("y = 'a {{context_x}} b'", "y = f'a {context[\"x\"]} b'"),
    "other braces": ('y = \'{"k": "{{context_x}}"}\'', 'y = f\'{{"k": "{context["x"]}"}}\''),
    "two in one": ('y = "{{context_x}}/{{context_x}}"', "y = f\"{context['x']}/{context['x']}\""),
    "beside one in code": ('y = "{{context_x}}" + {{context_x}}', 'y = f"{context[\'x\']}" + context["x"]'),
    "an f-string": ('z = 1\ny = f"{z} {{context_x}}"', "y = f\"{z} {context['x']}\""),
    "a field of an f-string": ('y = f"{len({{context_x}})}"', "y = f\"{len(context['x'])}\""),
    "a literal brace of an f-string": ('y = f"{{{{ {{context_x}}"', "y = f\"{{{{ {context['x']}\""),
    "a raw string": (r'y = r"\d{2} {{context_x}}"', r"""y = fr"\d{{2}} {context['x']}" """.strip()),
    "escapes": (r'y = "\N{BULLET} \\ {{context_x}}"', r"""y = f"\N{BULLET} \\ {context['x']}" """.strip()),
    "bytes": ('y = b"a {{context_x}}"', "y = f\"a {context['x']}\".encode()"),
    "a u-string": ('y = u"{{context_x}}"', "y = f\"{context['x']}\""),
    "three quotes": ('y = """a\n{{context_x}} {b}\n"""', 'y = f"""a\n{context[\'x\']} {{b}}\n"""'),
    "a neighbour": ('y = "a" "{{context_x}}"', 'y = "a" f"{context[\'x\']}"'),
}


@pytest.mark.parametrize(("source", "want"), STRINGS.values(), ids=STRINGS.keys())
def test_in_a_string_it_is_refused_with_the_corrected_line(source: str, want: str):
    problem = problems_of(source)[0]

    assert "stands in a string" in problem.message
    assert problem.suggestion == want
    ast.parse(problem.suggestion)


@pytest.mark.parametrize(("source", "want"), STRINGS.values(), ids=STRINGS.keys())
def test_the_corrected_line_holds_the_value(source: str, want: str):
    names: dict[str, object] = {"context": {"x": VALUE}, "z": 1}
    exec(want, names)

    value = names["y"]
    text = value.decode() if isinstance(value, bytes) else str(value)
    assert VALUE in text or text == str(len(VALUE))


def test_the_position_is_that_of_the_placeholder():
    (problem,) = problems_of('x = 1\n\n  \ny = "é {{context_x}}"\n')

    assert (problem.line, problem.column) == (4, 8)


def test_a_docstring_is_a_string():
    (problem,) = problems_of('def f():\n    """About {{context_x}}."""\n')

    assert (problem.line, problem.column) == (2, 14)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        pytest.param("order_{{context_x}} = 1", "touches a name", id="part of a name"),
        pytest.param("{{context_x}}{{context_y}}", "touches a name", id="two in a row"),
        pytest.param("obj.{{context_x}}", "after a dot", id="an attribute"),
        pytest.param("def {{context_x}}(): pass", "does not take a value", id="a function's name"),
        pytest.param("import {{context_x}}", "does not take a value", id="a module"),
        pytest.param("f({{context_x}}=1)", "does not take a value", id="an argument's name"),
        pytest.param("b'\\xff{{context_x}}'", "stands in a string", id="bytes with escapes"),
        pytest.param("b'{{context_x}}' b'x'", "stands in a string", id="bytes with a neighbour"),
    ],
)
def test_where_a_value_cannot_stand_it_is_refused(source: str, message: str):
    assert message in problems_of(source)[0].message


@pytest.mark.parametrize(
    ("source", "line", "message"),
    [
        pytest.param("x = 1\nif x\n  pass\n", 2, "expected ':'", id="a missing colon"),
        pytest.param("x = 'abc\n", 1, "unterminated string", id="an open string"),
        pytest.param("x = 1\n  y = 2\n", 2, "unexpected indent", id="an indent"),
        pytest.param("f({{context_x}}\n", 1, "never closed", id="an open parenthesis"),
        pytest.param("x = '\0'", 1, "null bytes", id="a NUL"),
        pytest.param("(" * 5000, 1, "", id="too deep"),
    ],
)
def test_what_python_cannot_read_is_a_problem_with_its_line(source: str, line: int, message: str):
    (problem,) = problems_of(source)

    assert problem.line == line
    assert message in problem.message
    assert problem.message.startswith("Python cannot read this")


def test_an_odd_escape_is_the_authors_business():
    assert problems_of("x = '\\d'\n") == ()
