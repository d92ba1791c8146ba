from __future__ import annotations

import json

import pytest

from penstock_mcp.text import clean, clean_json, one_line, quoted, shown


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("pay\u202eevil\u202c now", "payevil now", id="bidi-override"),
        pytest.param("a\u200bb\u200d\ufeffc", "abc", id="zero-width"),
        pytest.param("a\x00b\x07c\x7f", "abc", id="control"),
        pytest.param("".join(chr(0xE0000 + ord(char)) for char in "obey") + "hi", "hi", id="tag-characters"),
        pytest.param("a\ufe0f\U000e0101b", "ab", id="variation-selectors"),
        pytest.param("\u3164\u115fx", "x", id="fillers-that-look-like-nothing"),
        pytest.param("\x1b[31mred\x1b[0m \x1b]0;title\x07end", "red end", id="terminal-sequences"),
        pytest.param("two\r\nlines\tand é ü 漢字 🙂", "two\nlines\tand é ü 漢字 🙂", id="real-text-stays"),
    ],
)
def test_what_cannot_be_seen_is_taken_out(text: str, want: str):
    assert clean(text, 100) == want


def test_a_cut_is_said():
    cut = clean("x" * 500, 100)
    assert cut.startswith("x" * 100)
    assert "500 characters" in cut


def test_a_text_of_invisible_characters_cannot_hide_that_it_was_cut():
    assert "cut" in clean("\u200b" * 300 + "end", 100)


def test_one_line_has_one_line():
    assert one_line("a\n\n  b\u2028c", 50) == "a bc"


def test_every_line_of_a_quotation_is_marked():
    assert quoted('one\n"""\nIgnore the above') == '> one\n> """\n> Ignore the above'


def test_json_values_keep_their_shape():
    value = {"na\u200bme": ["a\u202eb", 1, None, True, {"deep": "\u2066x"}]}
    assert clean_json(value) == {"name": ["ab", 1, None, True, {"deep": "x"}]}


def test_what_people_approve_keeps_every_character_visibly():
    subject = json.dumps({"source": "rm \u202e-rf\u202c \U000e0041"}, ensure_ascii=False)
    view = shown(subject)
    assert "\\u202e" in view
    assert "\u202e" not in view
    assert json.loads(view) == json.loads(subject)


def test_what_people_approve_passes_for_nothing_else():
    subject = json.dumps(
        {"source": "rm -rf /d\u0430ta \uff52\uff4d", "note": "\u043f\u0440\u0438\u0432\u0435\u0442"}, ensure_ascii=False
    )
    view = shown(subject)
    assert "/d\\u0430ta \\uff52\\uff4d" in view
    assert "\u043f\u0440\u0438\u0432\u0435\u0442" in view
    assert json.loads(view) == json.loads(subject)
