"""Characters that pass for others: a Cyrillic letter in an English word, a full-width letter, a dash for a minus.

Whoever approves `rm -rf /data` must not find out later that one of its letters was another one. Words that are plainly
of another script stay as they are. https://www.unicode.org/reports/tr39/ (confusables, mixed scripts)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

_SCRIPTS = frozenset({"ARMENIAN", "CHEROKEE", "COPTIC", "CYRILLIC", "GREEK", "LISU"})
"""With letters that look like those of the Latin alphabet."""
_TWINS = frozenset("аАВвеЕѕЅіІїЇјЈкКмМнНоОрРсСтТуУхХһҺԁԛԜԝӏӀҮүАВ" + "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαικνορυχ" + "օսոհՕՍ")
"""Letters of these scripts that look like Latin ones: a word of nothing else passes for a Latin word."""
_ALWAYS = frozenset("ıɡɑɩʋǀǃꞌ" + "‐‑‒–—―−⁄∕╱։׃ː∶꞉ʹʺˈ‚‛′″∗⁎｡․")
"""Latin letters and signs that look like a sign or letter of ASCII, but are read as something else."""
_WORD = re.compile(r"""\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\w+""")
"""A word; or an escape of JSON, whose letter is none of the word behind it."""
_FOREIGN = re.compile(r"[^\x00-\x7f]")


def spelt_out(text: str, spell: Callable[[str], str]) -> str:
    """The text with each character that passes for another written as `spell` writes it."""
    if text.isascii():
        return text
    words = _WORD.sub(lambda found: _word(found.group(), spell), text)
    return _FOREIGN.sub(lambda found: spell(found.group()) if _always(found.group()) else found.group(), words)


def unmistakable(value: Any) -> Any:
    """A JSON value in whose texts (names too) what passes for something else is written as `<U+0430>`."""
    if isinstance(value, str):
        return spelt_out(value, lambda char: f"<U+{ord(char):04X}>")
    if isinstance(value, Mapping):
        return {unmistakable(name): unmistakable(item) for name, item in value.items()}
    if isinstance(value, list):
        return [unmistakable(item) for item in value]
    return value


def _word(word: str, spell: Callable[[str], str]) -> str:
    if word.isascii():
        return word
    others = {char for char in word if not char.isascii() and unicodedata.name(char, "").split(" ")[0] in _SCRIPTS}
    mixed = any(char.isascii() and char.isalpha() for char in word)
    if not mixed and not all(char in _TWINS for char in word if char.isalpha()):
        return word
    return "".join(spell(char) if char in others else char for char in word)


def _always(char: str) -> bool:
    plain = unicodedata.normalize("NFKC", char)
    return char in _ALWAYS or (len(plain) == 1 and plain.isascii())
