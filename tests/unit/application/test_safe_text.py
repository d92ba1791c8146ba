"""What reaches a terminal is what a person can see."""

from __future__ import annotations

import pytest

from penstock.application.safe_text import harmless, harmless_block, harmless_log_line, one_line


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


@pytest.mark.parametrize(
    ("line", "coloured", "plain"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m\x1b[0m", "red", id="colours"),
        pytest.param("\x1b[38;5;8mgrey", "\x1b[38;5;8mgrey\x1b[0m", "grey", id="colours end with the line"),
        pytest.param("\x1b[8mhidden", "<U+001B>[8mhidden", "<U+001B>[8mhidden", id="text cannot be hidden"),
        pytest.param("\x1b[31;8mhidden", "<U+001B>[31;8mhidden", "<U+001B>[31;8mhidden", id="nor in a colour"),
        pytest.param("\x1b[2Jgone\ta", "<U+001B>[2Jgone\ta", "<U+001B>[2Jgone\ta", id="the screen stays"),
        pytest.param("\x1b]0;a\x07", "<U+001B>]0;a<U+0007>", "<U+001B>]0;a<U+0007>", id="so does its title"),
        pytest.param("50%\r100%", "50%<U+000D>100%", "50%<U+000D>100%", id="nothing is overwritten"),
        pytest.param("\u202edeb", "<U+202E>deb", "<U+202E>deb", id="or turned around"),
    ],
)  # fmt: skip
def test_a_line_of_a_log_keeps_its_colours_at_most(line: str, coloured: str, plain: str):
    assert harmless_log_line(line, colours=True) == coloured
    assert harmless_log_line(line, colours=False) == plain
