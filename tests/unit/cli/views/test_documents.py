"""Values as JSON, YAML and as a listing for people."""

from __future__ import annotations

import json

import pytest
import yaml

from penstock.cli.views.documents import as_json, as_yaml, listing

VALUES = [
    pytest.param({"a": [1, 2.5, None, True], "b": {}}, id="plain"),
    pytest.param({"text": "line\n  indented\n\ttab"}, id="several lines"),
    pytest.param({"evil": "\x1b[2J\u202e\U000e0041"}, id="what is not visible"),
    pytest.param({"name": "Größe 大小 😀"}, id="other languages"),
    pytest.param("just text", id="a scalar"),
    pytest.param(None, id="nothing"),
]


@pytest.mark.parametrize("value", VALUES)
def test_json_reads_back_as_it_was(value):
    assert json.loads(as_json(value)) == value


@pytest.mark.parametrize("value", VALUES)
def test_yaml_reads_back_as_it_was(value):
    assert yaml.safe_load(as_yaml(value)) == value


@pytest.mark.parametrize("render", [as_json, as_yaml, lambda value: "\n".join(listing(value))])
def test_no_rendering_lets_a_terminal_be_driven(render):
    text = render({"a\x1b[2J": "b\x1b[2J\u202e", "lines": "one\n\x1b[2J\rtwo\n"})
    assert all(char.isprintable() or char == "\n" for char in text)


def test_a_text_of_several_lines_stands_behind_a_margin():
    """So that no line of a script can pass for a line of the listing around it."""
    lines = list(listing({"source": "echo hi\ndigest: sha256:forged\n", "runtime": "bash"}))
    assert lines == ["source:", "  | echo hi", "  | digest: sha256:forged", 'runtime: "bash"']


def test_a_listing_tells_text_from_numbers_and_shows_what_is_empty():
    assert list(listing({"a": "1", "b": 1, "c": [], "d": {}, "e": ""})) == ['a: "1"', "b: 1", "c: []", "d: {}", 'e: ""']


def test_a_listing_leaves_nothing_out():
    lines = list(listing({"items": [{"sku": 1}, [2, 3], "x"]}))
    assert lines == ["items:", "  -", "    sku: 1", "  -", "    - 2", "    - 3", '  - "x"']
