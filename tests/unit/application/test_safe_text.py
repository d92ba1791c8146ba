"""What reaches a terminal is what a person can see."""

from __future__ import annotations

import pytest

from penstock.application.safe_text import harmless, harmless_block, one_line


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("\x1b[2J", "<U+001B>[2J", id="an escape sequence cannot clear the screen"),
        pytest.param("a\rb", "a<U+000D>b", id="a carriage return cannot overwrite the line"),
        pytest.param("ab\u202ecd", "ab<U+202E>cd", id="text cannot be turned around"),
        pytest.param("pay\u200bpal", "pay<U+200B>pal", id="a zero-width space is seen"),
        pytest.param("\x9b31m", "<U+009B>31m", id="one-byte control sequences count too"),
        pytest.param("\ud800", "<U+D800>", id="half a surrogate pair can be printed"),
        pytest.param("Größe 大小 ✓", "Größe 大小 ✓", id="other languages stay"),
    ],
)
def test_what_is_not_plainly_visible_is_spelt_out(text: str, want: str):
    assert harmless(text) == want


def test_a_block_keeps_lines_and_tabs_and_nothing_else():
    assert harmless_block("a\r\n\tb\x07\n") == "a\n\tb<U+0007>\n"


def test_one_line_has_no_line_breaks_and_marks_its_cut():
    assert one_line("a\n  b\tc") == "a b c"
    assert one_line("x" * 10, limit=5) == "xxxx…"
