"""Placeholders in JavaScript: `context.NAME` in code, refused in strings, templates and regular expressions.

The corrected line has a template literal, in which `${context.NAME}` is the value; comments are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from penstock.engine.placeholders.binding import Edit, Judgement, Occurrence, Refusal, Script
from penstock.engine.placeholders.tokens import Kind, Token, Unreadable, holding, inside

from .lexer import Lexer

__all__ = ["judge"]

_DECLARING = frozenset({"let", "const", "var", "function", "class", "import", "as", "break", "continue"})
_ESCAPE = re.compile(r"\\(.)|`|\$\{", re.DOTALL)
_IN_STRING = "stands in a string, where it would stay text. Use a template literal"
_IN_TEMPLATE = "stands in the text of a template literal, where it would stay text. Write ${{context.{name}}}"
_IN_PATTERN = (
    "stands in a regular expression, where it would stay text. Build it with new RegExp(...), and escape the value "
    "where it is to be taken literally"
)
_IN_MODULE = "stands in the name of a module, which is fixed before the script runs. Use await import(...)"
_GLUED = "touches a name or a number. A value cannot be part of a name: leave a space, or use it on its own"
_PROPERTY = "stands after a dot. Use brackets to choose a property by its name"
_KEY = "stands where a property's name is expected. Use brackets to choose it"
_NO_VALUE = "stands where JavaScript wants a name. A value cannot name a variable, a function or a class"


def judge(source: str, types: Mapping[str, str]) -> tuple[Script, Judgement]:  # noqa: ARG001  # no use here
    """What each placeholder of a JavaScript becomes. A script without placeholders is not read at all."""
    script = Script(source)
    if not script.occurrences:
        return script, Judgement()
    lexer = Lexer(script.masked)
    try:
        lexer.read()
    except Unreadable as error:
        message = f"placeholders cannot be bound, for this is not JavaScript as far as it can be read: {error.message}"
        return script, Judgement(problems=(script.problem(error.offset, message),))
    return script, _judged(script, lexer)


def _judged(script: Script, lexer: Lexer) -> Judgement:
    edits: list[Edit] = []
    refusals: list[Refusal] = []
    used: list[Occurrence] = []
    corrected: dict[int, str] = {}
    for occurrence in script.occurrences:
        at = holding(lexer.tokens, occurrence)
        if at is None:
            continue  # in a comment
        used.append(occurrence)
        token = lexer.tokens[at]
        if token.kind is Kind.NAME:
            refusal = _in_code(lexer, at, occurrence)
        else:
            if token.kind is Kind.STRING and at not in corrected:
                corrected[at] = _as_template(script, token)
            refusal = _in_literal(script, lexer, at, occurrence, corrected.get(at, ""))
        if refusal is None:
            edits.append(Edit(occurrence.start, occurrence.end, _reference(occurrence)))
        else:
            refusals.append(refusal)
    return Judgement(tuple(edits), tuple(refusals), tuple(used))


def _reference(occurrence: Occurrence) -> str:
    return f"context.{occurrence.name}"


def _neighbours(lexer: Lexer, at: int) -> tuple[Token | None, str]:
    before = lexer.tokens[at - 1] if at else None
    return before, lexer.tokens[at + 1].text if at + 1 < len(lexer.tokens) else ""


def _in_code(lexer: Lexer, at: int, occurrence: Occurrence) -> Refusal | None:
    token, (last, after) = lexer.tokens[at], _neighbours(lexer, at)
    before = last.text if last else ""
    if (token.start, token.end) != (occurrence.start, occurrence.end):
        return Refusal(occurrence, _GLUED)
    bracketed = f"[{_reference(occurrence)}]"
    if last is not None and before in (".", "?."):
        start = last.end if before == "?." else last.start
        return Refusal(occurrence, _PROPERTY, (Edit(start, occurrence.end, bracketed),))
    if before in _DECLARING or after == "=>":
        return Refusal(occurrence, _NO_VALUE)
    if at in lexer.in_object and before in ("{", ","):
        if after in (":", "("):
            return Refusal(occurrence, _KEY, (Edit(occurrence.start, occurrence.end, bracketed),))
        named = f"{occurrence.name}: {_reference(occurrence)}"
        return Refusal(occurrence, _KEY, (Edit(occurrence.start, occurrence.end, named),))
    return None


def _in_literal(script: Script, lexer: Lexer, at: int, occurrence: Occurrence, text: str) -> Refusal:
    token, (last, after) = lexer.tokens[at], _neighbours(lexer, at)
    before = last.text if last else ""
    if token.kind is Kind.PATTERN:
        return Refusal(occurrence, _IN_PATTERN)
    if token.kind is Kind.TEMPLATE:
        edit = Edit(occurrence.start, occurrence.end, f"${{{_reference(occurrence)}}}")
        # After a backslash the dollar sign would be text.
        fixes = () if script.masked[occurrence.start - 1] == "\\" else (edit,)
        return Refusal(occurrence, _IN_TEMPLATE.format(name=occurrence.name), fixes)
    if before in ("import", "from"):
        return Refusal(occurrence, _IN_MODULE)
    if at in lexer.in_object and before in ("{", ",") and after == ":":
        text = f"[{text}]" if text else ""
    return Refusal(occurrence, _IN_STRING, (Edit(token.start, token.end, text),) if text else ())


def _as_template(script: Script, token: Token) -> str:
    """The string as a template literal with references; empty where an escape of it cannot stand in one."""
    pieces = []
    position = token.start + 1
    for found in inside(script.occurrences, token):
        pieces += [script.source[position : found.start], f"${{{_reference(found)}}}"]
        position = found.end
    pieces.append(script.source[position : token.end - 1])
    texts = pieces[::2]
    # \1 is an octal escape in a string and an error in a template; and a backslash may not meet a reference.
    if any(re.search(r"(?:^|[^\\])(?:\\\\)*\\(?:[1-9]|0\d|$)", text) for text in texts):
        return ""
    pieces[::2] = [_ESCAPE.sub(_escaped, text) for text in texts]
    return f"`{''.join(pieces)}`"


def _escaped(found: re.Match[str]) -> str:
    if found[1] is None:
        return f"\\{found[0]}"
    return found[1] if found[1] in "\"'" else found[0]
