"""CEL as tokens: enough to say what an expression names and how deep it goes, without the CEL library.

Must not judge whether an expression is valid CEL; that is the library's business.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<skip>\s+|//[^\n]*)
    | (?P<string>(?:[bB]?[rR]?)(?:\"{3}(?s:\\.|.)*?\"{3}|'{3}(?s:\\.|.)*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    | (?P<number>0[xX][0-9a-fA-F]+[uU]?|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?[uU]?|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<op>&&|\|\||==|!=|<=|>=|[.,()\[\]{}?:+\-*/%!<>])
    | (?P<bad>.)
    """,
    re.VERBOSE,
)
_PLAIN_STRING = re.compile(r"""(["'])(?!\1\1)([^\\]*)\1""")

OPENING = frozenset("([{")
CLOSING = frozenset(")]}")


class Token(NamedTuple):
    """One word of an expression."""

    kind: str
    """`name`, `number`, `string`, `op` or `bad` (what CEL has no use for)."""
    text: str
    start: int
    """Where it begins, counted from 0."""


END = Token("end", "", -1)


def tokenize(text: str, start: int = 0) -> list[Token]:
    """The tokens of `text` from character `start` on; white space and comments are left out."""
    tokens = []
    for match in _TOKEN.finditer(text, start):
        kind = match.lastgroup or "bad"
        if kind != "skip":
            tokens.append(Token(kind, match.group(), match.start()))
    return tokens


def string_value(token: Token) -> str | None:
    """The text of a string token without escapes or prefixes; None for the others, which nobody needs in a path."""
    match = _PLAIN_STRING.fullmatch(token.text) if token.kind == "string" else None
    return match.group(2) if match else None
