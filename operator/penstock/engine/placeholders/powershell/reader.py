"""Reads a PowerShell script: where each placeholder stands, and the words of each command in each pipeline."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from penstock.engine.placeholders.binding import Occurrence, Script
from penstock.engine.placeholders.tokens import Unreadable

# PowerShell takes typographic quotes for plain ones.
SINGLE = frozenset("'\u2018\u2019\u201a\u201b")
DOUBLE = frozenset('"\u201c\u201d\u201e')
_BLANK = frozenset(" \t\u00a0")
_HERE = re.compile(r"@([\"'\u2018-\u201e])[ \t]*\n")
_VARIABLE = re.compile(r"\$(?:\w+:)?\w+")
_CLOSING = MappingProxyType({"$(": ")", "@(": ")", "@{": "}", "(": ")", "{": "}", "[": "]"})
_SEPARATORS = frozenset("|;\n,&")
_DEEPEST = 100
_LONGEST_HEAD = 100


class Position(StrEnum):
    """Where a placeholder stands, as far as the characters around it say."""

    CODE = "code"
    SINGLE = "single"
    DOUBLE = "double"
    """In the text of a string that PowerShell expands, or of such a here-string."""
    HERE = "here"
    """In a here-string that PowerShell does not expand."""
    ESCAPED = "escaped"
    """After a backtick."""
    NAME = "name"
    """In ${...}."""
    TYPE = "type"
    """In the brackets that name a type."""
    VERBATIM = "verbatim"
    """After --%, where nothing is read."""


@dataclass(frozen=True, slots=True)
class Place:
    """One placeholder and where it stands."""

    occurrence: Occurrence
    position: Position
    start: int = 0
    """Of the literal that holds it, quotes included."""
    end: int = 0
    in_hashtable: bool = False
    blocks: int = 0
    """How many script blocks are around it."""


@dataclass(slots=True)
class Word:
    """What stands between blanks: its text as written, and the placeholders in it."""

    start: int
    end: int = 0
    text: str = ""
    places: list[Place] = field(default_factory=list)
    """Without those in script blocks, which are programs of their own."""
    evaluated: list[Place] = field(default_factory=list)
    """Those given to a method that runs text."""


@dataclass(slots=True)
class Pipeline:
    """Commands joined by bars; each is its words."""

    commands: list[list[Word]] = field(default_factory=lambda: [[]])


_RUNS_TEXT = re.compile(
    r"(?:\[(?:\w+\.)*scriptblock\]::create|\.(?:expandstring|invokescript|newscriptblock|addscript))$", re.IGNORECASE
)


class Reader:
    """One pass over a script; raises `Unreadable`."""

    def __init__(self, script: Script) -> None:
        self.text = script.masked
        self.pipelines: list[Pipeline] = []
        self.places: list[Place] = []
        self._starts = {occurrence.start: occurrence for occurrence in script.occurrences}
        self._at = 0
        self._depth = 0
        self._blocks = 0

    def read(self) -> None:
        """Read all of it."""
        self._block("")
        if self._at < len(self.text):
            raise Unreadable(self._at, f"there is nothing that this {self.text[self._at]} could close")

    def _peek(self, length: int = 1) -> str:
        return self.text[self._at : self._at + length]

    def _block(self, closing: str, opening: str = "") -> None:
        """Statements up to a closing bracket, which is left for the caller, or to the end."""
        pipeline = self._new_pipeline()
        while self._at < len(self.text):
            character = self._peek()
            if character in ")]}":
                if character != closing:
                    raise Unreadable(self._at, f"there is nothing that this {character} could close")
                return
            if character in _BLANK or self._peek(2) == "`\n":
                self._at += 1 if character in _BLANK else 2
            elif character == "#" or self._peek(2) == "<#":
                self._comment()
            elif character in _SEPARATORS:
                pipeline = self._separate(pipeline)
            else:
                pipeline.commands[-1].append(self._word(opening))
                if pipeline.commands[-1][-1].text == "--%":
                    self._verbatim()
        if closing:
            raise Unreadable(len(self.text), f"a bracket is never closed: {closing} is missing")

    def _new_pipeline(self) -> Pipeline:
        self.pipelines.append(Pipeline())
        return self.pipelines[-1]

    def _separate(self, pipeline: Pipeline) -> Pipeline:
        character, pair = self._peek(), self._peek(2)
        if pair in ("||", "&&"):
            self._at += 2
            return self._new_pipeline()
        self._at += 1
        if character == "|":
            pipeline.commands.append([])
        elif character == "," or (character == "&" and not pipeline.commands[-1]):
            # A call operator, or what divides the values of a list, is a word of its own.
            pipeline.commands[-1].append(Word(self._at - 1, self._at, character))
        else:
            return self._new_pipeline()
        return pipeline

    def _comment(self) -> None:
        if self._peek() == "#":
            end = self.text.find("\n", self._at)
            self._at = len(self.text) if end < 0 else end
            return
        end = self.text.find("#>", self._at + 2)
        if end < 0:
            raise Unreadable(self._at, "this comment is never closed")
        self._at = end + 2

    def _verbatim(self) -> None:
        end = self.text.find("\n", self._at)
        end = len(self.text) if end < 0 else end
        self._note_all(Position.VERBATIM, self._at, end, self._at, end)
        self._at = end

    def _word(self, opening: str) -> Word:
        word = Word(self._at)
        before = len(self.places)
        while self._at < len(self.text) and self._element(word, in_hashtable=opening == "@{"):
            pass
        word.end = self._at
        word.text = self.text[word.start : word.end]
        word.places = [place for place in self.places[before:] if place.blocks == self._blocks]
        return word

    def _element(self, word: Word, *, in_hashtable: bool) -> bool:
        """Read one element of a word; False at the word's end."""
        character = self._peek()
        if character in _BLANK or character in _SEPARATORS or character in ")]}" or self._peek(2) == "`\n":
            return False
        if occurrence := self._starts.get(self._at):
            self.places.append(Place(occurrence, Position.CODE, in_hashtable=in_hashtable, blocks=self._blocks))
            self._at = occurrence.end
        elif self._peek(2) == "<#":
            self._comment()
        elif found := _HERE.match(self.text, self._at):
            self._here_string(found)
        elif character in SINGLE:
            self._single()
        elif character in DOUBLE:
            self._double(self._at + 1, "")
        elif character == "`":
            self._escape()
        elif self._peek(2) == "${":
            self._braced_variable()
        else:
            self._bracket(word)
        return True

    def _bracket(self, word: Word) -> None:
        opening = next((mark for mark in _CLOSING if self.text.startswith(mark, self._at)), "")
        if not opening:
            self._at += 1
            return
        before, start = len(self.places), self._at
        head = self.text[max(word.start, start - _LONGEST_HEAD) : start]
        self._blocks += opening == "{"
        self._nested(opening)
        self._blocks -= opening == "{"
        if opening == "[" and not head:
            self.places[before:] = [self._place(place.occurrence, Position.TYPE) for place in self.places[before:]]
        elif opening == "(" and _RUNS_TEXT.search(head):
            word.evaluated += [place for place in self.places[before:] if place.blocks == self._blocks]

    def _place(self, occurrence: Occurrence, position: Position, start: int = 0, end: int = 0) -> Place:
        return Place(occurrence, position, start, end, blocks=self._blocks)

    def _nested(self, opening: str) -> None:
        start = self._at
        self._depth += 1
        if self._depth > _DEEPEST:
            raise Unreadable(start, "brackets are nested too deeply")
        self._at += len(opening)
        self._block(_CLOSING[opening], opening)
        self._at += 1
        self._depth -= 1

    def _escape(self) -> None:
        if occurrence := self._starts.get(self._at + 1):
            self.places.append(self._place(occurrence, Position.ESCAPED))
            self._at = occurrence.end
        else:
            self._at += 2

    def _braced_variable(self) -> None:
        start = self._at
        end = self.text.find("}", start)
        if end < 0:
            raise Unreadable(start, "this variable's name is never closed")
        self._note_all(Position.NAME, start, end, start, end + 1)
        self._at = end + 1

    def _single(self) -> None:
        start = self._at
        at = start + 1
        while at < len(self.text):
            if self.text[at] in SINGLE:
                if self.text[at + 1 : at + 2] not in SINGLE or at + 1 == len(self.text):
                    break
                at += 1
            at += 1
        else:
            raise Unreadable(start, "this string is never closed")
        self._note_all(Position.SINGLE, start, at, start, at + 1)
        self._at = at + 1

    def _here_string(self, found: re.Match[str]) -> None:
        start, quotes = self._at, SINGLE if found[1] in SINGLE else DOUBLE
        footer = re.compile(f"\n[{''.join(quotes)}]@").search(self.text, found.end() - 1)
        if footer is None:
            raise Unreadable(start, "this here-string is never closed: its last line begins with the quote and @")
        if quotes is SINGLE:
            self._note_all(Position.HERE, found.end(), footer.start(), start, footer.end())
            self._at = footer.end()
        else:
            self._double(found.end(), footer[0])

    def _double(self, begin: int, footer: str) -> None:
        """The text of an expanded string from `begin` on, up to its quote or the here-string's footer."""
        start, self._at = self._at, begin
        if footer:
            self._at -= 1  # the newline before an empty text is that of the footer
        while self._at < len(self.text):
            if footer and self.text.startswith(footer, self._at):
                self._at += len(footer)
                return
            character = self._peek()
            if occurrence := self._starts.get(self._at):
                self.places.append(self._place(occurrence, Position.DOUBLE, start))
                self._at = occurrence.end
            elif character == "`":
                self._escape()
            elif self._peek(2) == "$(":
                self._nested("$(")
            elif self._peek(2) == "${":
                self._braced_variable()
            elif not footer and character in DOUBLE:
                self._at += 1
                if self._peek() not in DOUBLE:
                    return
                self._at += 1
            else:
                self._at += 1
        raise Unreadable(start, "this string is never closed")

    def _note_all(self, position: Position, first: int, last: int, start: int, end: int) -> None:
        for at in range(first, last):
            if occurrence := self._starts.get(at):
                self.places.append(self._place(occurrence, position, start, end))
