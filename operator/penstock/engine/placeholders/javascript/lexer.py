"""Reads JavaScript as tokens, and says of each bracket what it opens, as far as placeholders need to know.

Whether a slash divides or begins a regular expression follows from the token before it, and where that is a closing
bracket, from what the bracket closes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from penstock.engine.placeholders.tokens import Kind, Token, Unreadable

_BLANK = re.compile(r"\s+")
_COMMENT = re.compile(r"//[^\n\u2028\u2029]*|/\*.*?\*/|\A#![^\n]*", re.DOTALL)
_STRING = re.compile(r"\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_NAME = re.compile(r"#?[\w$]+")
_MARK = re.compile(r"=>|\?\.(?!\d)|\.\.\.|\+\+|--|[=!]==?|[<>]=|.", re.DOTALL)
_PATTERN = re.compile(r"/(?:\\[^\n]|\[(?:\\[^\n]|[^\]\\\n])*\]|[^/\\\[\n])+/\w*")
_TEMPLATE = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*", re.DOTALL)
_CLOSING = {"(": ")", "[": "]", "{": "}"}

_BEFORE_VALUE = frozenset(
    {
        *("return", "throw", "case", "default", "do", "else", "yield", "await"),
        *("typeof", "instanceof", "in", "of", "new", "delete", "void", "extends"),
    }
)
"""Keywords after which a value begins, so that a slash begins a regular expression and a brace an object."""
_WITH_CONDITION = frozenset({"if", "while", "for", "with"})
_BEFORE_BLOCK = frozenset({"else", "do", "try", "finally", "static", "=>", ";", "{", "}", ")", ""})


@dataclass(slots=True)
class Bracket:
    """An open bracket."""

    mark: str
    start: int
    is_object: bool = False
    """A brace that opens an object, not a block."""
    has_condition: bool = False
    """A parenthesis that holds what `if`, `while`, `for` or `with` looks at."""


@dataclass(slots=True)
class Lexer:
    """One pass over a script."""

    text: str
    tokens: list[Token] = field(default_factory=list)
    """Without comments."""
    in_object: set[int] = field(default_factory=set)
    """Indices of the tokens directly in the braces of an object."""
    _at: int = 0
    _open: list[Bracket] = field(default_factory=list)
    _value_may_begin: bool = True

    def read(self) -> None:
        """Read all of it; raises `Unreadable`."""
        while self._at < len(self.text):
            self._next()
        if self._open:
            bracket = self._open[-1]
            what = "template" if bracket.mark == "${" else "bracket"
            raise Unreadable(bracket.start, f"this {what} is never closed")

    def _next(self) -> None:
        if self._skip(_BLANK) or self._skip(_COMMENT):
            return
        character = self.text[self._at]
        if character == "`":
            self._at += 1
            self._template(self._at - 1)
        elif character in "\"'":
            self._literal(_STRING, Kind.STRING, "this string is never closed")
        elif character == "/" and self.text[self._at : self._at + 2] == "/*":
            raise Unreadable(self._at, "this comment is never closed")
        elif character == "/" and self._value_may_begin:
            self._literal(_PATTERN, Kind.PATTERN, "this regular expression is never closed")
        elif found := _NAME.match(self.text, self._at):
            self._add(found.end(), Kind.NAME)
            self._value_may_begin = found[0] in _BEFORE_VALUE and self._before(1) not in (".", "?.")
        else:
            self._mark()

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self._at)
        if found:
            self._at = found.end()
        return found is not None

    def _literal(self, pattern: re.Pattern[str], kind: Kind, why: str) -> None:
        found = pattern.match(self.text, self._at)
        if found is None:
            raise Unreadable(self._at, why)
        self._add(found.end(), kind)
        self._value_may_begin = False

    def _mark(self) -> None:
        found = _MARK.match(self.text, self._at)
        assert found is not None
        mark, start = found[0], self._at
        if mark in ("(", "[", "{"):
            before = self._before(0)
            self._add(found.end(), Kind.MARK)
            self._open.append(
                Bracket(mark, start, mark == "{" and self._opens_object(before), before in _WITH_CONDITION)
            )
            self._value_may_begin = True
        elif mark in (")", "]", "}"):
            self._close(mark, start)
        else:
            self._add(found.end(), Kind.MARK)
            # After these a slash divides what they count.
            self._value_may_begin = mark not in ("++", "--")

    def _close(self, mark: str, start: int) -> None:
        bracket = self._open.pop() if self._open else Bracket("", start)
        if bracket.mark == "${" and mark == "}":
            self._at += 1
            self._template(bracket.start)
            return
        if _CLOSING.get(bracket.mark) != mark:
            raise Unreadable(start, f"there is nothing that this {mark} could close")
        self._add(self._at + 1, Kind.MARK)
        self._value_may_begin = bracket.has_condition or (mark == "}" and not bracket.is_object)

    def _template(self, start: int) -> None:
        """A piece of a template literal, up to its end or its next expression."""
        begin = self._at
        found = _TEMPLATE.match(self.text, begin)
        assert found is not None
        self._add(found.end(), Kind.TEMPLATE)
        self._value_may_begin = False
        if self.text.startswith("${", self._at):
            self._at += 2
            self._open.append(Bracket("${", start))
            self._value_may_begin = True
        elif self.text.startswith("`", self._at):
            self._at += 1
        else:
            raise Unreadable(start, "this template is never closed")

    def _opens_object(self, before: str) -> bool:
        last = self.tokens[-1] if self.tokens else None
        if before in _BEFORE_BLOCK:
            return False
        # `class A {` and `label: {`; after a keyword that wants a value, an object.
        return last is None or last.kind is not Kind.NAME or before in _BEFORE_VALUE

    def _before(self, back: int) -> str:
        return self.tokens[-1 - back].text if len(self.tokens) > back else ""

    def _add(self, end: int, kind: Kind) -> None:
        if self._open and self._open[-1].is_object:
            self.in_object.add(len(self.tokens))
        self.tokens.append(Token(self._at, end, kind, self.text[self._at : end]))
        self._at = end
