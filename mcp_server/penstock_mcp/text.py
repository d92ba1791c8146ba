"""Text that others wrote, made safe to put before a model or a person: bounded, without invisible characters.

Logs, outputs, descriptions and messages are data. Nothing here decides whether their content is true.
"""

from __future__ import annotations

import re
from typing import Any

from penstock.application.lookalikes import spelt_out

# Control characters but tab and newline; soft hyphen; Hangul and Khmer fillers; Mongolian separators; zero-width
# characters; bidi marks, embeddings, overrides and isolates; line and paragraph separators; word joiners and invisible
# operators; variation selectors; byte-order mark; interlinear annotation; surrogates; private use; tags.
# https://www.unicode.org/reports/tr36/ (bidi, invisible), https://trojansource.codes (overrides in source).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ud800-\udfff\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)

# Terminal colours and titles: without their escape character the rest would stay behind as noise (ECMA-48).
_TERMINAL = re.compile("\x1b(?:\\[[0-?]*[ -/]*[@-~]|\\][^\x07\x1b]{0,1024}(?:\x07|\x1b\\\\))")


def clean(text: str, limit: int) -> str:
    """The text without invisible characters, cut to `limit` characters; a cut is said at the end."""
    # Cut before cleaning as well: a huge text should not cost a huge substitution.
    plain = _INVISIBLE.sub("", _TERMINAL.sub("", text[: 2 * limit]).replace("\r\n", "\n")).strip()
    if len(plain) <= limit and len(text) <= 2 * limit:
        return plain
    return f"{plain[:limit]} [cut: {len(text)} characters in all]"


def clean_stretch(text: str) -> str:
    """A stretch of a longer text without invisible characters and terminal sequences; its ends stay as they are."""
    return _INVISIBLE.sub("", _TERMINAL.sub("", text).replace("\r\n", "\n"))


def one_line(text: str, limit: int) -> str:
    """The same on one line."""
    return " ".join(clean(text, limit).split())


def clean_json(value: Any) -> Any:
    """A JSON value whose strings (keys too) hold no invisible characters; nothing is cut."""
    if isinstance(value, str):
        return _INVISIBLE.sub("", value)
    if isinstance(value, dict):
        return {_INVISIBLE.sub("", str(key)): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def shown(document: str) -> str:
    r"""JSON text with every character that is invisible or passes for another written as its `\u` escape.

    The same value, for what a person approves: there nothing may be dropped, and nothing may look like something else.
    """
    return spelt_out(_INVISIBLE.sub(lambda found: _escape(found.group()), document), _escape)


def _escape(char: str) -> str:
    point = ord(char)
    if point > 0xFFFF:
        high, low = divmod(point - 0x10000, 0x400)
        return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
    return f"\\u{point:04x}"


def quoted(text: str) -> str:
    """The text with each line marked as a quotation, so that no line of it can pass for ours."""
    return "\n".join(f"> {line}" for line in text.splitlines())
