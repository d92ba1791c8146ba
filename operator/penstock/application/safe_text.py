"""Text from elsewhere made harmless before it reaches a terminal.

A Workflow, a log or a gate's message may hold escape sequences that move the cursor, or direction marks that show a
script in another order than the one it runs in. Whoever approves must see the bytes that run.
"""

from __future__ import annotations

import re

MAX_SHOWN = 4096
"""Characters of a message or reason that are shown on one line."""


def harmless(text: str, *, keep: str = "") -> str:
    """The text with every character that is not plainly visible written as `<U+202E>`, but for those in `keep`.

    Control characters, escape sequences, direction marks, zero-width characters and unassigned ones all count.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in keep else f"<U+{ord(char):04X}>" for char in text)


def harmless_block(text: str) -> str:
    """The same for text of several lines: line feeds and tabs stay, CR LF becomes LF."""
    return harmless(text.replace("\r\n", "\n"), keep="\n\t")


def one_line(text: str, limit: int = MAX_SHOWN) -> str:
    """The text on one line of at most `limit` characters; white space is folded, a cut is marked."""
    folded = harmless(" ".join(text.split()))
    return folded if len(folded) <= limit else folded[: limit - 1] + "…"


_COLOUR = r"(?:0?[0-79]|2[1-79]|3[0-79]|4[0-79]|5[0-5]|9[0-7]|10[0-7]|[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3})"
"""One attribute of text (ECMA-48, SGR): colours, bold, underlined. Not 8, which hides the text that follows."""
_COLOURS = re.compile(rf"(\x1b\[(?:{_COLOUR}(?:;{_COLOUR})*)?m)")
_PLAIN = "\x1b[0m"


def harmless_log_line(line: str, *, colours: bool) -> str:
    """A line of a log for a terminal: tabs stay, colours stay or are left out, all else is written as `<U+001B>`.

    Colours end with the line.
    """
    if line.isprintable():
        return line
    # Every second part is a colour.
    parts = _COLOURS.split(line)
    shown = [part if place % 2 else harmless(part, keep="\t") for place, part in enumerate(parts)]
    if not colours:
        return "".join(shown[::2])
    return "".join(shown) + (_PLAIN if len(parts) > 1 else "")
