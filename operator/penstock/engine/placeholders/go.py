"""Placeholders in Go: `penstock.Context.Get("NAME")` in code, refused in literals, left alone in comments.

A value whose type the inputs fix comes as that type (`.Text()`, `.Int()`, …); any other as a `penstock.Value`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .binding import Edit, Judgement, Occurrence, Refusal, Script
from .tokens import Kind, Token, Unreadable, holding, inside

_TOKEN = re.compile(
    r"""
    \s+
    | (?P<comment> //[^\n]* | /\*.*?\*/ )
    | (?P<string> "(?:\\.|[^"\\\n])*" | `[^`]*` )
    | (?P<character> '(?:\\.|[^'\\\n])+' )
    | (?P<name> \w+ )
    | (?P<open> /\* | ["`'] )
    | (?P<mark> := | [=!<>]= | . )
    """,
    re.VERBOSE | re.DOTALL,
)
_METHODS = MappingProxyType({"string": ".Text()", "integer": ".Int()", "number": ".Float()", "boolean": ".Bool()"})
_DECLARING = frozenset({"package", "import", "func", "type", "var", "const", "goto", "break", "continue"})
_IN_STRING = "stands in a string, where it would stay text. Close the string before the value"
_IN_CHARACTER = "stands in a character literal, which holds one character. Use the value on its own"
_IN_IMPORT = "stands in the path of an import, which is fixed when the program is built"
_GLUED = "touches a name or a number. A value cannot be part of a name: leave a space, or use it on its own"
_FIELD = "stands after a dot. Go cannot choose a field by its name: use a map, or a switch"
_NO_NAME = "stands where Go wants a name. A value cannot name a variable, a type, a function or a package"
_ASSIGNED = "is given a value. The context cannot be changed: take a variable of your own"


def judge(source: str, types: Mapping[str, str]) -> tuple[Script, Judgement]:
    """What each placeholder of a Go script becomes. A script without placeholders is not read at all."""
    script = Script(source)
    if not script.occurrences:
        return script, Judgement()
    try:
        tokens = _tokens(script.masked)
    except Unreadable as error:
        message = f"placeholders cannot be bound, for this is not Go as far as it can be read: {error.message}"
        return script, Judgement(problems=(script.problem(error.offset, message),))
    return script, _judged(script, tokens, types)


def _tokens(text: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            raise Unreadable(match.start(), f"what begins with {match[0]} has no end")
        if kind is not None:
            found.append(Token(match.start(), match.end(), Kind(kind), match[0]))
    return found


def _judged(script: Script, tokens: list[Token], types: Mapping[str, str]) -> Judgement:
    edits: list[Edit] = []
    refusals: list[Refusal] = []
    used: list[Occurrence] = []
    corrected: dict[int, Edit] = {}
    code = [token for token in tokens if token.kind is not Kind.COMMENT]
    for occurrence in script.occurrences:
        at = holding(code, occurrence)
        if at is None:
            continue  # in a comment
        used.append(occurrence)
        if code[at].kind is Kind.NAME:
            refusal = _in_code(code, at, occurrence)
        elif why := _why_not_joined(code, at):
            refusal = Refusal(occurrence, why)
        else:
            if at not in corrected:
                corrected[at] = _joined(script, code, at)
            refusal = Refusal(occurrence, _IN_STRING, (corrected[at],))
        if refusal is None:
            text = f"{_reference(occurrence)}{_METHODS.get(types.get(occurrence.name, ''), '')}"
            edits.append(Edit(occurrence.start, occurrence.end, text))
        else:
            refusals.append(refusal)
    return Judgement(tuple(edits), tuple(refusals), tuple(used))


def _reference(occurrence: Occurrence) -> str:
    return f'penstock.Context.Get("{occurrence.name}")'


def _text_at(code: Sequence[Token], at: int) -> str:
    return code[at].text if 0 <= at < len(code) else ""


def _in_code(code: Sequence[Token], at: int, occurrence: Occurrence) -> Refusal | None:
    token, before, after = code[at], _text_at(code, at - 1), _text_at(code, at + 1)
    if (token.start, token.end) != (occurrence.start, occurrence.end):
        return Refusal(occurrence, _GLUED)
    if before == ".":
        return Refusal(occurrence, _FIELD)
    if before in _DECLARING or after == ":=":
        return Refusal(occurrence, _NO_NAME)
    return Refusal(occurrence, _ASSIGNED) if after == "=" else None


def _why_not_joined(code: Sequence[Token], at: int) -> str:
    if code[at].kind is Kind.CHARACTER:
        return _IN_CHARACTER
    return _IN_IMPORT if _text_at(code, at - 1) == "import" else ""


def _joined(script: Script, code: Sequence[Token], at: int) -> Edit:
    """The string cut at its placeholders, with their values in between."""
    token = code[at]
    quote = token.text[0]
    pieces = []
    position = token.start + 1
    for found in inside(script.occurrences, token):
        pieces += [f"{quote}{script.source[position : found.start]}{quote}", f"{_reference(found)}.String()"]
        position = found.end
    pieces.append(f"{quote}{script.source[position : token.end - 1]}{quote}")
    text = " + ".join(piece for piece in pieces if piece != quote * 2)
    if _text_at(code, at + 1) in ("[", ".") and " + " in text:
        text = f"({text})"
    return Edit(token.start, token.end, text)
