"""Expressions whose value does not hang on chance. Pure.

The library goes over a map's keys in an order that is another each time, and adds a map to a list as its keys. What was
shown to who approves must be what runs, so loops go over the sorted keys, and a map is not added to anything, as CEL
has it (https://github.com/google/cel-spec/blob/master/doc/langdef.md#list-of-standard-definitions).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from penstock.adapters.cel.lookups import Missing, look_up
from penstock.api.v1alpha1.expression_tokens import CLOSING, END, OPENING, Token, tokenize
from penstock.api.v1alpha1.expressions import MACROS, plain_path

KEYS: Final = "sortedKeys"
"""The function that an expression made here needs; the check of expressions lets nobody else use it."""
_LOOSER = frozenset({"+", "-", "<", "<=", ">", ">=", "==", "!=", "in", "&&", "||", "?", ":", ","})
"""What binds no tighter than `+`."""
# A list of one and a loop over it are CEL's only way to give a value a name. Adding maps is an error.
_LOOP: Final = ("[", f"].map(it, type(it) == map ? {KEYS}(it) : it)[0]")
_ADDED: Final = ("[", "].map(it, type(it) == map ? it + it : it)[0]")


def sorted_keys(found: Mapping[Any, Any]) -> list[Any]:
    """The keys of a map, those of one kind together."""
    return sorted(found, key=lambda key: (type(key).__name__, key))


def without_chance(text: str, scope: Mapping[str, Any]) -> str:
    """The expression, so that it comes to the same each time it is evaluated on this scope."""
    tokens = tokenize(text)
    edits: list[tuple[int, str]] = []
    for index, token in enumerate(tokens):
        if _loops(tokens, index):
            first = _start_of_member(tokens, index)
            if not _is_known_list(text[tokens[first].start : token.start], scope):
                edits += [(tokens[first].start, _LOOP[0]), (token.start, _LOOP[1])]
        elif token.text == "+" and index + 1 < len(tokens):
            after = _after_term(tokens, index + 1)
            if after > index + 2 or tokens[index + 1].kind == "name":
                last = tokens[after - 1]
                edits += [(tokens[index + 1].start, _ADDED[0]), (last.start + len(last.text), _ADDED[1])]
    return _edited(text, edits)


def _edited(text: str, edits: list[tuple[int, str]]) -> str:
    parts, done = [], 0
    for place, word in sorted(edits, key=lambda edit: edit[0]):
        parts += [text[done:place], word]
        done = place
    return "".join([*parts, text[done:]])


def _loops(tokens: Sequence[Token], index: int) -> bool:
    """Whether `.map(` or the like is here."""
    name, opening = (*tokens[index + 1 : index + 3], END, END)[:2]
    return tokens[index].text == "." and name.text in MACROS and opening.text == "("


def _is_known_list(text: str, scope: Mapping[str, Any]) -> bool:
    """Wrapping a long list takes the library half as long again as going over it."""
    path = plain_path(text)
    if path is None:
        return False
    try:
        return isinstance(look_up(scope, path), list)
    except Missing:
        return False


def _start_of_member(tokens: Sequence[Token], dot: int) -> int:
    """Index of the first token of what stands before a dot: `a` of `a.b[0].f(x).map(`."""
    index = dot - 1
    while True:
        while tokens[index].text in CLOSING:
            index = _opening_of(tokens, index)
            before = tokens[index - 1] if index else END
            if (before.kind not in ("name", "string") and before.text not in CLOSING) or before.text == "in":
                break
            index -= 1
        if index < 2 or tokens[index - 1].text != ".":
            return max(index, 0)
        index -= 2


def _opening_of(tokens: Sequence[Token], closing: int) -> int:
    depth = 0
    for index in range(closing, -1, -1):
        if tokens[index].text in CLOSING:
            depth += 1
        elif tokens[index].text in OPENING:
            depth -= 1
        if depth == 0:
            return index
    return 0


def _after_term(tokens: Sequence[Token], first: int) -> int:
    """Index of the token after the term that begins there: after what is added by the `+` before it."""
    depth, index = 0, first
    while index < len(tokens):
        text = tokens[index].text
        signed = index == first or tokens[index - 1].text in ("*", "/", "%", "-", "!")
        if depth == 0 and (text in CLOSING or (text in _LOOSER and not (signed and text == "-"))):
            break
        depth += (text in OPENING) - (text in CLOSING)
        index += 1
    return index
