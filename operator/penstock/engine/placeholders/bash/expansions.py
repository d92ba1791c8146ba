"""Reads quotes and expansions of a bash script; the lowest of three layers: expansions, words, grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.engine.placeholders.binding import Occurrence, Script

from .places import HereDocument, Place, Position, Region, Unreadable, Word

IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL_PARAMETERS = frozenset("@*#?-$!0123456789")
_DEFAULT_OPERATORS = frozenset("-=+?")
_DEEPEST = 50
_LONGEST_SUBSCRIPT = 1000


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How far a reading has come."""

    at: int
    end: int
    depth: int
    words: int
    places: int
    word_places: int
    word_nested: int
    pending: tuple[HereDocument, ...]


class TooTangled(Unreadable):
    """Reading would take too long; no other way of reading is tried."""


class Expansions:
    """A position in the script and what was found so far."""

    def __init__(self, script: Script) -> None:
        self.text = script.masked
        self.at = 0
        self.end = len(self.text)
        self.places: list[Place] = []
        self.comments: list[Occurrence] = []
        self.arithmetic_names: set[str] = set()
        """Variables that are read in arithmetic somewhere in the script."""
        self._starting = {occurrence.start: occurrence for occurrence in script.occurrences}
        self._pending: list[HereDocument] = []
        self._words: list[Word] = []
        self._depth = 0
        self._not_arithmetic: set[int] = set()
        # Some of bash can only be read by trying; a script that is nothing but tries must not take for ever.
        self._steps_left = 16 * len(self.text) + 10_000

    def read_commands(self, *, until: str = "", in_case: bool = False) -> None:
        """Read commands up to a closing character, which is left to the caller."""
        raise NotImplementedError

    # --- small steps ---------------------------------------------------------------------------------

    def peek(self, length: int = 1) -> str:
        """The next characters."""
        return self.text[self.at : min(self.at + length, self.end)]

    def within(self, start: int, end: int) -> list[Occurrence]:
        """The placeholders that begin in a range."""
        return [self._starting[offset] for offset in range(start, end) if offset in self._starting]

    def take_placeholder(self, position: Position) -> bool:
        """Note the placeholder that begins here and step over it; False when none does."""
        self._steps_left -= 1
        if self._steps_left < 0:
            raise TooTangled(self.at, "the script is too tangled to read; split it")
        occurrence = self._starting.get(self.at)
        if occurrence is None:
            return False
        self.note(occurrence, position)
        self.at = occurrence.end
        return True

    def note(self, occurrence: Occurrence, position: Position, region: Region | None = None) -> None:
        """Note where a placeholder stands, for the script and for the word that is being read."""
        place = Place(occurrence, position, region)
        self.places.append(place)
        if self._words:
            self._words[-1].places.append(place)

    def begin_word(self) -> Word:
        """What is noted from here on is noted for this word."""
        word = Word(self.at)
        self._words.append(word)
        return word

    def end_word(self) -> None:
        """The word ends here; for a word around it, its placeholders are nested ones."""
        word = self._words.pop()
        word.end = self.at
        word.text = self.text[word.start : word.end]
        if self._words:
            self._words[-1].nested += [*word.places, *word.nested]

    def enter(self) -> None:
        """One level down in nested syntax; `leave` comes back."""
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(self.at, f"commands and expansions are nested more than {_DEEPEST} deep")

    def leave(self) -> None:
        """One level up."""
        self._depth -= 1

    # --- quotes --------------------------------------------------------------------------------------

    def element(self, *, in_double: bool) -> None:
        """One element of a text, placeholders aside: an escape, a quoted string, an expansion, a character."""
        character = self.text[self.at]
        if character == "\\":
            self.escape()
        elif character == "'" and not in_double:
            self.single()
        elif character == '"':
            self.double()
        elif character == "`":
            self.backticks()
        elif character == "$":
            self.dollar(in_double=in_double)
        else:
            self.at += 1

    def escape(self) -> None:
        """A backslash and what it escapes."""
        self.at += 1
        if not self.take_placeholder(Position.ESCAPED):
            self.at = min(self.at + 1, self.end)

    def single(self) -> None:
        """A string in single quotes."""
        stop = self.text.find("'", self.at + 1, self.end)
        if stop < 0:
            raise Unreadable(self.at, "this single quote is never closed")
        self._literal(Region(self.at, stop + 1), Position.SINGLE)

    def double(self) -> None:
        """A string in double quotes."""
        start = self.at
        self.at += 1
        while self.at < self.end and self.text[self.at] != '"':
            self.in_double()
        if self.at >= self.end:
            raise Unreadable(start, "this double quote is never closed")
        self.at += 1

    def in_double(self) -> None:
        """One element of what double quotes hold, or a here-document, where a double quote is a character."""
        if not self.take_placeholder(Position.DOUBLE):
            if self.text[self.at] == '"':
                self.at += 1
            else:
                self.element(in_double=True)

    def _ansi(self) -> None:
        stop = self._closing_quote(self.at + 2, "'")
        self._literal(Region(self.at, stop + 1), Position.ANSI)

    def backticks(self) -> None:
        """A command in backticks."""
        start = self.at
        stop = self._closing_quote(start + 1, "`")
        if "\\" in self.text[start:stop]:
            self._literal(Region(start, stop + 1), Position.BACKTICKS)
            return
        outer, self.end = self.end, stop
        self.at = start + 1
        self._nested_commands(until="")
        self.end = outer
        self.at = stop + 1

    def _closing_quote(self, start: int, quote: str) -> int:
        stop = start
        while stop < self.end and self.text[stop] != quote:
            stop += 2 if self.text[stop] == "\\" else 1
        if stop >= self.end:
            raise Unreadable(self.at, f"this {quote} is never closed")
        return stop

    def _literal(self, region: Region, position: Position) -> None:
        for occurrence in self.within(region.start, region.end):
            self.note(occurrence, position, region)
        self.at = region.end

    # --- expansions ----------------------------------------------------------------------------------

    def dollar(self, *, in_double: bool) -> None:
        """Whatever a dollar sign begins."""
        start = self.at
        self.enter()
        following = self.text[start + 1 : min(start + 3, self.end)]
        kind = following[:1]
        if following == "((" and self.arithmetic(start + 3, "))"):
            pass
        elif kind == "(":
            self.at = start + 2
            self.parenthesized()
        elif kind == "{":
            self.parameter(in_double=in_double)
        elif kind == "[" and self.arithmetic(start + 2, "]"):
            pass
        elif kind == "'" and not in_double:
            self._ansi()
        elif kind and kind in _SPECIAL_PARAMETERS:
            self.at += 2
        else:
            self.at += 1
            self.take_placeholder(Position.DOLLAR)
        self.leave()

    def parenthesized(self) -> None:
        """Commands up to the closing parenthesis, and that; the opening one is behind."""
        start = self.at - 1
        self._nested_commands(until=")")
        if self.peek() != ")":
            raise Unreadable(start, "this parenthesis is never closed")
        self.at += 1

    def _nested_commands(self, *, until: str) -> None:
        # What stands in a nested command is not part of the word around it.
        self.begin_word()
        self.read_commands(until=until)
        self.end_word()

    def parameter(self, *, in_double: bool) -> None:
        """`${...}`: a name, perhaps a subscript, perhaps an operator and a word."""
        start = self.at
        self.at += 2
        if self.peek() in ("!", "#") and self.peek(2)[1:] not in ("}", "", ":", "-", "=", "+", "?"):
            self.at += 1
        if not self.take_placeholder(Position.NAME):
            name = IDENTIFIER.match(self.text, self.at, self.end)
            self.at = name.end() if name else min(self.at + 1, self.end)
        if self.peek() == "[" and not self.subscript():
            raise Unreadable(start, "this ${ is never closed")
        operator = self.peek(2)
        if operator[:1] in _DEFAULT_OPERATORS or (operator[:1] == ":" and operator[1:] in _DEFAULT_OPERATORS):
            self._until_brace(start, Position.DOUBLE if in_double else Position.BARE, in_double=in_double)
        elif operator[:1] == ":":
            begin = self.at
            self._until_brace(start, Position.ARITHMETIC, in_double=False)
            self._note_arithmetic(begin, self.at)
        else:
            self._until_brace(start, Position.PATTERN, in_double=False)

    def _until_brace(self, start: int, position: Position, *, in_double: bool) -> None:
        while self.at < self.end and self.text[self.at] != "}":
            if not self.take_placeholder(position):
                self.element(in_double=in_double)
        if self.at >= self.end:
            raise Unreadable(start, "this ${ is never closed")
        self.at += 1

    def subscript(self) -> bool:
        """`[...]` after a name; False, and nothing is read, when it is not closed."""
        return self.arithmetic(self.at + 1, "]", Position.SUBSCRIPT)

    def arithmetic(self, begin: int, closing: str, position: Position = Position.ARITHMETIC) -> bool:
        """An arithmetic expression up to `closing`; False, and nothing is read, when it turns out to be none."""
        if begin in self._not_arithmetic:
            return False
        before = self.snapshot()
        self.at = begin
        try:
            is_arithmetic = self._until(closing, position)
        except TooTangled:
            raise
        except Unreadable:
            is_arithmetic = False
        if is_arithmetic:
            self._note_arithmetic(begin, self.at)
            self.at += len(closing)
        else:
            self._not_arithmetic.add(begin)
            self.back_to(before)
        return is_arithmetic

    def _until(self, closing: str, position: Position) -> bool:
        depth = 0
        opening, close = ("(", ")") if closing == "))" else ("[", "]")
        limit = self.end if closing == "))" else min(self.end, self.at + _LONGEST_SUBSCRIPT)
        while self.at < limit:
            character = self.text[self.at]
            if depth == 0 and character == close:
                break
            if not self.take_placeholder(position):
                depth += {opening: 1, close: -1}.get(character, 0)
                self.element(in_double=False)
        return self.at < limit and self.peek(len(closing)) == closing

    def snapshot(self) -> Snapshot:
        """How far the reading has come, to go `back_to`."""
        word = self._words[-1] if self._words else Word(self.at)
        return Snapshot(
            self.at,
            self.end,
            self._depth,
            len(self._words),
            len(self.places),
            len(word.places),
            len(word.nested),
            tuple(self._pending),
        )

    def back_to(self, before: Snapshot) -> None:
        """Forget what was read since."""
        self.at, self.end, self._depth = before.at, before.end, before.depth
        self._pending = list(before.pending)
        del self._words[before.words :]
        del self.places[before.places :]
        if self._words:
            del self._words[-1].places[before.word_places :]
            del self._words[-1].nested[before.word_nested :]

    def _note_arithmetic(self, start: int, end: int) -> None:
        self.arithmetic_names.update(IDENTIFIER.findall(self.text[start:end]))
