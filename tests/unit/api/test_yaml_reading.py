"""YAML becomes data with lines; nothing in a file can make more of itself than it is."""

from __future__ import annotations

import pytest

from penstock.api.v1alpha1.yaml_reading import read_yaml


def problem(text: str):
    _, problems = read_yaml(text)
    assert len(problems) == 1
    return problems[0]


VALUES = {
    "text": ("a: b c", "b c"),
    "a number": ("a: 5", 5),
    "a number in quotes": ("a: '5'", "5"),
    "a number with decimals": ("a: 1.5", 1.5),
    "an exponent without a dot": ("a: 1e3", 1000.0),
    "true": ("a: true", True),
    "nothing": ("a:", None),
    "a date stays text": ("a: 2030-01-01", "2030-01-01"),
    "a time of day stays text": ("a: 1:30", "1:30"),
    "a block": ("a: |\n  x\n  y\n", "x\ny\n"),
    "a folded block": ("a: >\n  x\n  y\n", "x y\n"),
    "a block that looks like a number": ("a: |\n  5\n", "5\n"),
    "a list": ("a: [1, b]", [1, "b"]),
    "an alias": ("b: &x {c: 1}\na: *x", {"c": 1}),
    "a merge": ("b: &x {c: 1, d: 2}\na: {<<: *x, d: 3}", {"c": 1, "d": 3}),
    "a tag of YAML's own": ("a: !!str 5", "5"),
}


@pytest.mark.parametrize("compiled", [True, False], ids=["by the parser in C", "by the parser in Python"])
@pytest.mark.parametrize(("text", "value"), VALUES.values(), ids=VALUES)
def test_a_value_is_what_the_api_server_reads(text, value, compiled):
    documents, problems = read_yaml(text, compiled=compiled)

    assert problems == ()
    assert documents[0].data["a"] == value


def test_every_value_has_the_line_where_it_is_written():
    documents, _ = read_yaml("spec:\n  steps:\n    - name: a\n      needs: [b,\n        c]\n  text: |\n    x\n")
    lines = {path: position.line for path, position in documents[0].positions.items()}

    assert lines == {
        "": 1,
        "spec": 1,
        "spec.steps": 2,
        "spec.steps[0]": 3,
        "spec.steps[0].name": 3,
        "spec.steps[0].needs": 4,
        "spec.steps[0].needs[0]": 4,
        "spec.steps[0].needs[1]": 5,
        "spec.text": 6,
    }
    assert documents[0].positions["spec.text"].block


def test_the_second_document_has_the_lines_of_the_file():
    documents, _ = read_yaml("a: 1\n---\nb: 2\n---\n")

    assert [document.data for document in documents] == [{"a": 1}, {"b": 2}]
    assert documents[1].positions["b"].line == 3


BROKEN = {
    "a key twice": ("a: 1\nb: 2\na: 3", 3, "there already in line 1"),
    "a tab": ("a:\n\tb: 1", 2, "tab"),
    "a bracket that stays open": ("a: [1, 2\nb: 3", 2, "never closed"),
    "a quote that stays open": ('a: "x\n', 2, "never closed"),
    "a colon inside a text": ("a: b: c", 1, "no value can begin"),
    "a program in place of a value": ("a: !!python/object/apply:os.system ['x']", 1, "not allowed"),
    "binary data": ("a: !!binary aGk=", 1, "not allowed"),
    "an alias of nothing": ("a: *x", 1, "`*x` stands for nothing"),
    "an alias of itself": ("a: &x [*x]", 1, "`*x` stands for nothing"),
    "not a number": ("a: .nan", 1, "not a number that JSON knows"),
    "a mapping as a key": ("? {a: 1}\n: 2", 1, "key must be plain text"),
    "a list item among keys": ("a: 1\n- b", 2, "indentation"),
}


@pytest.mark.parametrize("compiled", [True, False], ids=["by the parser in C", "by the parser in Python"])
@pytest.mark.parametrize(("text", "line", "message"), BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_told_with_its_line(text, line, message, compiled):
    _, problems = read_yaml(text, compiled=compiled)

    assert message in problems[0].message
    assert problems[0].line == line


def test_a_placeholder_that_yaml_takes_for_a_mapping_is_told():
    found = problem("a: {{context_x}}\n")

    assert found.line == 1
    assert "quotes" in f"{found.message} {found.fix}"


def test_other_mistakes_are_still_found_beside_a_repeated_key():
    documents, problems = read_yaml("a: 1\na: 2\nb: 3")

    assert documents[0].data["b"] == 3
    assert len(problems) == 1


def test_aliases_cannot_unfold_without_end():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    assert "100,000 values" in problem("\n".join(lines)).message


@pytest.mark.parametrize("text", ["[" * 5000, "{a: " * 5000, "- " * 5000])
def test_nesting_without_end_is_refused(text):
    assert "nested more than 64 deep" in problem(text).message


def test_a_huge_file_is_refused_unread():
    assert "4,194,304" in problem("#" * 4_194_305).message


def test_a_nul_character_is_said_where_it_is_written():
    _, (problem,) = read_yaml('a: 1\nsource: "echo \\0"\n')
    assert (problem.path, problem.line, problem.fix) == ("source", 2, "Remove it.")


def test_a_key_that_is_no_text_is_said_at_what_it_is_in():
    _, problems = read_yaml("spec:\n  {{ name }}: 1\n")
    assert problems[0].path == "spec"
