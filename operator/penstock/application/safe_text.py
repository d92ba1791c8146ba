"""Text from elsewhere made harmless before it reaches a terminal.

A Workflow, a log or a gate's message may hold escape sequences that move the cursor, or direction marks that show a
script in another order than the one it runs in. Whoever approves must see the bytes that run.
"""

from __future__ import annotations

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
