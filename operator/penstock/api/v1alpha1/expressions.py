"""What an expression names and how deep it goes, and where the CEL stands in a text with `{{ CEL }}` in it.

Works on tokens alone, so that the names are checked without the CEL library; whether the whole is valid CEL is not
decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from penstock.api.v1alpha1.expression_tokens import CLOSING, END, OPENING, Token, string_value, tokenize

MACROS = frozenset({"all", "exists", "exists_one", "existsOne", "map", "filter"})
"""What loops over a list or a map."""
ROOTS = ("context", "steps", "run")
"""What an expression may begin a path with."""
LITERALS = frozenset({"true", "false", "null"})

MAX_COMPREHENSION_DEPTH = 2
MAX_BRACKETS = 32
MAX_OPERATORS = 256
"""The parser and the evaluator of the library recurse without a bound and end the process when the stack is full: on
a thread with 512 KiB (macOS) at 63 nested brackets or a chain of 764 operators (measured with version 0.10)."""

Path = tuple[str | int, ...]


class Reference(NamedTuple):
    """A path that an expression names, as far as it is fixed: `steps.charge.output` of `steps.charge.output[n]`."""

    path: Path
    start: int
    optional: bool
    """Stands inside `has()`, so it need not be there."""
    ranged: bool
    """A macro loops over it."""


class Call(NamedTuple):
    """A function or method that an expression calls."""

    name: str
    start: int


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of an expression without evaluating it."""

    references: tuple[Reference, ...] = ()
    calls: tuple[Call, ...] = ()
    comprehension_depth: int = 0
    brackets: int = 0
    operators: int = 0

    @property
    def too_large(self) -> str | None:
        """Why the library must not see this expression, as a plain sentence."""
        if self.brackets > MAX_BRACKETS:
            return f"Its brackets are nested {self.brackets} deep; {MAX_BRACKETS} is the limit."
        if self.operators > MAX_OPERATORS:
            return f"It has {self.operators:,} operators; {MAX_OPERATORS} is the limit."
        return None


@dataclass(slots=True)
class _Bracket:
    text: str
    has: bool = False
    bound: str | None = None
    """The name that a macro binds inside this bracket."""


_PLAIN = re.compile(
    r"\s*[A-Za-z_][A-Za-z0-9_]*(\s*(\.\s*[A-Za-z_][A-Za-z0-9_]*|\[\s*([0-9]+|\"[^\"\\\n]*\"|'[^'\\\n]*')\s*\]))*\s*"
)


def plain_path(expression: str) -> Path | None:
    """The path that an expression is (`steps.a.output["x"][0]`), or None where it is more or less than a path."""
    if not _PLAIN.fullmatch(expression):
        return None
    tokens = tokenize(expression)
    if tokens[0].text in LITERALS:
        return None
    path, _ = _follow(tokens, 0)
    return path


def render_path(path: Sequence[str | int]) -> str:
    """A path as it is written in CEL."""
    parts = []
    for index, key in enumerate(path):
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
            parts.append(f".{key}" if index else key)
        else:
            parts.append(f'["{key}"]')
    return "".join(parts)


def analyse(expression: str) -> Analysis:
    """Names, calls and depths of an expression; also of one that is not valid CEL."""
    tokens = tokenize(expression)
    stack: list[_Bracket] = []
    references: list[Reference] = []
    calls: list[Call] = []
    deepest = widest = operators = 0
    for index, token in enumerate(tokens):
        if token.text in OPENING:
            stack.append(_bracket(tokens, index))
            widest = max(widest, len(stack))
            deepest = max(deepest, sum(bracket.bound is not None for bracket in stack))
        elif token.text in CLOSING:
            if stack:
                stack.pop()
        elif token.kind == "op":
            operators += 1
        elif token.kind == "name":
            if _at(tokens, index + 1).text == "(":
                calls.append(Call(token.text, token.start))
            elif _is_root(tokens, index, stack):
                references.append(_reference(tokens, index, stack))
    return Analysis(tuple(references), tuple(calls), deepest, widest, operators)


def _at(tokens: Sequence[Token], index: int) -> Token:
    return tokens[index] if 0 <= index < len(tokens) else END


def _bracket(tokens: Sequence[Token], index: int) -> _Bracket:
    """The bracket at `index`; for a macro's with the name that it binds ("" where that is missing)."""
    name = _at(tokens, index - 1)
    if tokens[index].text != "(" or name.kind != "name":
        return _Bracket(tokens[index].text)
    if name.text in MACROS:
        variable = _at(tokens, index + 1)
        return _Bracket("(", bound=variable.text if variable.kind == "name" else "")
    return _Bracket("(", has=name.text == "has")


def _is_root(tokens: Sequence[Token], index: int, stack: Sequence[_Bracket]) -> bool:
    token = tokens[index]
    if token.text in LITERALS or token.text == "in" or _at(tokens, index - 1).text == ".":
        return False
    return all(bracket.bound != token.text for bracket in stack)


def _reference(tokens: Sequence[Token], index: int, stack: Sequence[_Bracket]) -> Reference:
    path, after = _follow(tokens, index)
    macro = _at(tokens, after).text == "." and _at(tokens, after + 1).text in MACROS
    ranged = macro and _at(tokens, after + 2).text == "("
    return Reference(path, tokens[index].start, any(bracket.has for bracket in stack), ranged)


def _follow(tokens: Sequence[Token], index: int) -> tuple[Path, int]:
    """The fixed path that begins at `index`, and the index of the first token after it."""
    path: list[str | int] = [tokens[index].text]
    index += 1
    while True:
        first, second, third = (_at(tokens, index + offset) for offset in range(3))
        if first.text == "." and second.kind == "name" and third.text != "(":
            path.append(second.text)
            index += 2
        elif first.text == "[" and third.text == "]" and (key := _fixed_key(second)) is not None:
            path.append(key)
            index += 3
        else:
            return tuple(path), index


def _fixed_key(token: Token) -> str | int | None:
    if token.kind == "number" and token.text.isdigit():
        return int(token.text)
    return string_value(token)


class Piece(NamedTuple):
    """A part of a text with `{{ CEL }}` in it."""

    text: str
    """The text itself, or the CEL between the braces."""
    is_expression: bool
    start: int


def split_template(text: str) -> tuple[Piece, ...]:
    """The parts of a text in their order. Raises ValueError, in plain words, for braces that are never closed."""
    return tuple(_pieces(text))


def _pieces(text: str) -> Iterator[Piece]:
    position = 0
    while (start := text.find("{{", position)) >= 0:
        if start > position:
            yield Piece(text[position:start], False, position)
        end = _closing(text, start + 2)
        yield Piece(text[start + 2 : end].strip(), True, start)
        position = end + 2
    if position < len(text):
        yield Piece(text[position:], False, position)


def _closing(text: str, start: int) -> int:
    """Where the `}}` stands that closes the braces before `start`; quoted text and CEL's own braces are passed over."""
    open_braces = 0
    previous = END
    for token in tokenize(text, start):
        if token.text == "{":
            open_braces += 1
        elif token.text == "}":
            if open_braces:
                open_braces -= 1
                continue
            if previous.text == "}" and previous.start == token.start - 1:
                return previous.start
            previous = token
            continue
        previous = END
    raise ValueError(f"the `{{{{` at character {start - 1} is never closed by `}}}}`")


_SPOKEN = {"and": "&&", "or": "||", "not": "!", "True": "true", "False": "false", "None": "null", "nil": "null"}


def corrected(expression: str) -> str | None:
    """The expression in CEL where it was written as another language would have it; None where nothing was found."""
    stripped = expression.strip()
    if stripped.startswith("{{") and stripped.endswith("}}"):
        return stripped[2:-2].strip()
    parts: list[str] = []
    position, changed = 0, False
    for token in tokenize(expression):
        new = _replacement(expression, token)
        parts.extend((expression[position : token.start], token.text if new is None else new))
        position = token.start + len(token.text)
        changed = changed or new is not None
    result = "".join((*parts, expression[position:]))
    return re.sub(r"!\s+", "!", result).strip() if changed else None


def _replacement(expression: str, token: Token) -> str | None:
    if token.kind == "name":
        before = expression[: token.start].rstrip()
        return None if before.endswith(".") else _SPOKEN.get(token.text)
    if token.kind == "bad" and token.text == "=":
        # `===` comes as `==` and `=`: the third sign is one too many, a lone one is one too few.
        return "" if expression[: token.start].endswith("=") else "=="
    return None
