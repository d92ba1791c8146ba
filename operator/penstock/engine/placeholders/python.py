"""Placeholders in Python: `context["NAME"]` in code, refused in string literals, left alone in comments.

Works on tokens, so that what Python takes for a string is what is refused. Both forms of f-string tokens are read:
one STRING up to Python 3.11, FSTRING_START to FSTRING_END from 3.12.
"""

from __future__ import annotations

import ast
import io
import re
import token as token_types
import tokenize
import warnings
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .binding import Edit, Judgement, Occurrence, PlaceholderProblem, Refusal, Script, apply

_LITERAL = re.compile(r"""(?P<prefix>[A-Za-z]*)(?P<quote>'''|\"\"\"|'|")""")
_ESCAPE = re.compile(r"\\N\{[^}]*\}|\\.|[{}]", re.DOTALL)
# The others may lie past the end of the text.
_POSITIONED = ("STRING", "STRING_START", "STRING_END", "COMMENT", "NAME")
_ENOUGH = (SyntaxError, ValueError, RecursionError, MemoryError)
_IN_STRING = "stands in a string, where it would stay text. Write an f-string"
_GLUED = "touches a name or a number. A value cannot be part of a name: leave a space, or use it on its own"
_ATTRIBUTE = "stands after a dot. Use getattr(object, name) to choose an attribute by its name"
_NO_VALUE = "stands where Python does not take a value"


@dataclass(frozen=True, slots=True)
class _Literal:
    """A string literal, prefix and quotes included."""

    start: int
    end: int

    @property
    def edges(self) -> tuple[int, int]:
        """Where it begins and ends."""
        return self.start, self.end


def judge(source: str, types: Mapping[str, str]) -> tuple[Script, Judgement]:  # noqa: ARG001  # no use here
    """What each placeholder of a Python script becomes; a script that Python cannot read is a problem as well."""
    script = Script(source.replace("\r\n", "\n").replace("\r", "\n"))
    if problem := _syntax_problem(script, script.masked):
        return script, Judgement(problems=(problem,))
    if not script.occurrences:
        return script, Judgement()
    try:
        judgement = _Reader(script).judgement()
    except (tokenize.TokenError, *_ENOUGH) as error:  # ast has read it, so this is not expected
        return script, Judgement(problems=(script.problem(0, f"Python cannot read this script: {error}"),))
    return script, judgement if judgement.refusals else _as_values(script, judgement)


class _Reader:
    """One pass over the tokens."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._edits: list[Edit] = []
        self._refusals: list[Refusal] = []
        self._used: list[Occurrence] = []
        self._fixes: dict[_Literal, tuple[Edit, ...]] = {}

    def judgement(self) -> Judgement:
        """What the tokens make of each placeholder."""
        names, literals, comments = self._regions()
        for occurrence in self._script.occurrences:
            if _holding(comments, occurrence):
                continue
            self._used.append(occurrence)
            if literal := _holding(literals, occurrence):
                self._refusals.append(Refusal(occurrence, _IN_STRING, self._fixed(literal)))
            elif (before := names.get((occurrence.start, occurrence.end))) is None:
                self._refusals.append(Refusal(occurrence, _GLUED))
            elif before == ".":
                self._refusals.append(Refusal(occurrence, _ATTRIBUTE))
            else:
                self._edits.append(Edit(occurrence.start, occurrence.end, f'context["{occurrence.name}"]'))
        return Judgement(tuple(self._edits), tuple(self._refusals), tuple(self._used))

    def _regions(self) -> tuple[dict[tuple[int, int], str], list[_Literal], list[_Literal]]:
        """Names with the token before each, string literals, comments."""
        names: dict[tuple[int, int], str] = {}
        literals: list[_Literal] = []
        comments: list[_Literal] = []
        open_literals: list[int] = []
        before = ""
        for token in tokenize.generate_tokens(io.StringIO(self._script.masked).readline):
            kind = token_types.tok_name[token.type]
            if not kind.endswith(_POSITIONED):
                before = token.string
                continue
            start, end = (self._script.offset(*place) for place in (token.start, token.end))
            if kind.endswith("STRING_START"):
                open_literals.append(start)
            elif kind.endswith("STRING_END"):
                outermost = open_literals.pop()
                literals += [] if open_literals else [_Literal(outermost, end)]
            elif open_literals:
                continue  # the outermost string is what matters
            elif kind == "STRING":
                literals.append(_Literal(start, end))
            elif kind == "COMMENT":
                comments.append(_Literal(start, end))
            else:
                names[start, end] = before
            before = token.string
        return names, literals, comments

    def _fixed(self, literal: _Literal) -> tuple[Edit, ...]:
        if literal not in self._fixes:
            found = self._script.occurrences
            first, last = (bisect_left(found, edge, key=lambda occurrence: occurrence.start) for edge in literal.edges)
            inside = found[first:last]
            text = _as_f_string(self._script, literal, inside)
            self._fixes[literal] = (Edit(literal.start, literal.end, text),) if text else ()
        return self._fixes[literal]


def _holding(regions: list[_Literal], occurrence: Occurrence) -> _Literal | None:
    index = bisect_right(regions, occurrence.start, key=lambda region: region.start) - 1
    return regions[index] if index >= 0 and occurrence.start < regions[index].end else None


def _as_f_string(script: Script, literal: _Literal, inside: Sequence[Occurrence]) -> str:
    """The literal as an f-string with references; empty when that cannot be done by rule."""
    opening = _LITERAL.match(script.masked, literal.start)
    assert opening is not None
    prefix, quote = opening["prefix"].lower(), opening["quote"]
    start, end = opening.end(), literal.end - len(quote)
    # The other quote, for before Python 3.12 an f-string cannot hold its own.
    inner = '"' if quote[0] == "'" else "'"
    is_formatted = "f" in prefix or "t" in prefix
    is_bytes = "b" in prefix
    if is_bytes and ("\\" in script.source[start:end] or _touches_string(script.masked, literal)):
        return ""
    pieces = []
    position = start
    depth = 0
    for occurrence in inside:
        text = script.source[position : occurrence.start]
        pieces.append(text if is_formatted else _doubled_braces(text, is_raw="r" in prefix))
        reference = f"context[{inner}{occurrence.name}{inner}]"
        depth = _field_depth(text, depth) if is_formatted else 0
        pieces.append(reference if depth > 0 else f"{{{reference}}}")
        position = occurrence.end
    rest = script.source[position:end]
    pieces.append(rest if is_formatted else _doubled_braces(rest, is_raw="r" in prefix))
    new_prefix = prefix if is_formatted else "f" + prefix.replace("b", "").replace("u", "")
    body = "".join(pieces)
    return f"{new_prefix}{quote}{body}{quote}" + (".encode()" if is_bytes else "")


def _doubled_braces(text: str, *, is_raw: bool) -> str:
    r"""Braces as an f-string wants them; `\N{DASH}` keeps its own, except in a raw string, which has no escapes."""

    def doubled(found: re.Match[str]) -> str:
        piece = found[0]
        if piece.startswith("\\N{") and not is_raw:
            return piece
        return piece.replace("{", "{{").replace("}", "}}")

    return _ESCAPE.sub(doubled, text)


def _field_depth(text: str, depth: int) -> int:
    """How many replacement fields of an f-string are open after this text, when `depth` were before it."""
    position = 0
    while position < len(text):
        pair = text[position : position + 2]
        if depth == 0 and pair in ("{{", "}}"):
            position += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        position += 1
    return depth


def _touches_string(masked: str, literal: _Literal) -> bool:
    """Whether a neighbour is joined to the literal, so that a call after it would not be Python."""
    before, after = masked[: literal.start].rstrip(), masked[literal.end :].lstrip()
    return before.endswith(("'", '"')) or _LITERAL.match(after) is not None


def _as_values(script: Script, judgement: Judgement) -> Judgement:
    """The judgement, unless a reference stands where Python wants a name, as in `def {{context_x}}():`."""
    problem = _syntax_problem(script, apply(judgement.edits, script.source))
    if problem is None:
        return judgement
    here = [found for found in judgement.used if script.line(found.start) == problem.line]
    if not here:
        return Judgement(used=judgement.used, problems=(problem,))
    return Judgement(used=judgement.used, refusals=tuple(Refusal(found, _NO_VALUE) for found in here))


def _syntax_problem(script: Script, text: str) -> PlaceholderProblem | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape is the author's business
            ast.parse(text)
    except SyntaxError as error:
        line = min(max(error.lineno or 1, 1), script.source.count("\n") + 1)
        return PlaceholderProblem(line, max(error.offset or 1, 1), f"Python cannot read this: {error.msg}")
    except _ENOUGH as error:
        return script.problem(0, f"Python cannot read this script: {error}")
    return None
