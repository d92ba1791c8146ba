"""Reads the words of a bash script: what stands between blanks, with its quotes, arrays and subscripts."""

from __future__ import annotations

import re

from .expansions import IDENTIFIER, Expansions
from .places import HereDocument, Position, Region, Unreadable, Word

ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\[[^=]*\])?\+?=")
METACHARACTERS = frozenset(" \t\n|&;()<>")
_BLANKS = frozenset(" \t")
_QUOTING = re.compile(r"[\\'\"]")
_PATTERN_OPENERS = frozenset("?*+@!")


class Words(Expansions):
    """The middle layer: blanks, comments, words, and the here-documents that wait for a newline."""

    def skip_blanks(self) -> None:
        """Step over spaces, tabs and joined lines."""
        while self.at < self.end:
            if self.text[self.at] in _BLANKS:
                self.at += 1
            elif self.peek(2) == "\\\n":
                self.at += 2
            else:
                return

    def skip_space(self) -> None:
        """Step over blanks, newlines and comments."""
        while True:
            self.skip_blanks()
            if self.peek() == "\n":
                self.newline()
            elif self.peek() == "#":
                self.skip_comment()
            else:
                return

    def skip_comment(self) -> None:
        """Step over a comment; placeholders in it stay as they are."""
        stop = self.text.find("\n", self.at, self.end)
        stop = self.end if stop < 0 else stop
        self.comments += self.within(self.at, stop)
        self.at = stop

    def newline(self) -> None:
        """Step over a newline and over the here-documents that begin after it."""
        self.at += 1
        pending, self._pending = self._pending, []
        for document in pending:
            self._here_document(document)

    def add_here_document(self, *, strips_tabs: bool) -> None:
        """Read the delimiter of a here-document, whose text begins after the next newline."""
        self.skip_blanks()
        header = self.word()
        if header.places:
            raise Unreadable(header.start, "the delimiter of a here-document cannot hold a placeholder")
        delimiter = _QUOTING.sub("", header.text)
        self._pending.append(HereDocument(delimiter, delimiter != header.text, strips_tabs, header))

    def _here_document(self, document: HereDocument) -> None:
        start = self.at
        stop = self._end_of_text(document)
        if document.is_quoted:
            region = Region(document.header.start, document.header.end, start, stop)
            for occurrence in self.within(start, stop):
                self.note(occurrence, Position.QUOTED_HEREDOC, region)
        else:
            outer, self.end = self.end, stop
            # A stray quote or brace is only text here, but what a dollar sign begins must end in the text.
            while self.at < self.end:
                self.in_double()
            self.end = outer
        after = self.text.find("\n", stop, self.end)
        self.at = self.end if after < 0 else after + 1

    def _end_of_text(self, document: HereDocument) -> int:
        """Where the line with the delimiter begins, or the end of what is being read."""
        at = self.at
        joined = False
        while at < self.end:
            newline = self.text.find("\n", at, self.end)
            stop = self.end if newline < 0 else newline
            line = self.text[at:stop]
            if (line.lstrip("\t") if document.strips_tabs else line) == document.delimiter and not joined:
                return at
            # In a text that is expanded, a backslash at the end of a line joins it with the next.
            joined = not document.is_quoted and (len(line) - len(line.rstrip("\\"))) % 2 == 1
            at = stop + 1
        return self.end

    def word(self) -> Word:
        """The word that begins here; empty when none does."""
        word = self.begin_word()
        while self.at < self.end and self._in_word(word.start):
            pass
        self.end_word()
        return word

    def _in_word(self, start: int) -> bool:
        """Read one element of the word that began at `start`; False at its end."""
        if self.take_placeholder(Position.BARE):
            return True
        character = self.text[self.at]
        if character in ("<", ">") and self.peek(2)[1:] == "(":
            self.at += 2
            self.parenthesized()
        elif character == "(" and self.at > start:
            return self._parenthesis(self.text[start : self.at])
        elif character in METACHARACTERS:
            return False
        elif character == "[" and self.at > start and IDENTIFIER.fullmatch(self.text, start, self.at):
            self._subscript_of_assignment()
        else:
            self.element(in_double=False)
        return True

    def _parenthesis(self, before: str) -> bool:
        if ASSIGNMENT.fullmatch(before):
            self._list(in_array=True)
        elif before[-1] in _PATTERN_OPENERS:
            self._list(in_array=False)
        else:
            return False
        return True

    def _subscript_of_assignment(self) -> None:
        """`name[...]=` assigns to an element; otherwise the bracket is part of a pattern."""
        start = self.at
        before = self.snapshot()
        if self.subscript() and self.peek() in ("=", "+"):
            return
        self.back_to(before)
        self.at = start + 1

    def _list(self, *, in_array: bool) -> None:
        """The elements of an array, each of which may begin with a subscript, or an extended pattern."""
        opening = self.at
        self.enter()
        self.at += 1
        while self.at < self.end and self.peek() != ")":
            if in_array:
                self._element_of_array()
            elif self.peek() == "(":
                self._list(in_array=False)
            elif not self._in_word(self.at):
                self.at += 1
        if self.at >= self.end:
            raise Unreadable(opening, "this parenthesis is never closed")
        self.at += 1
        self.leave()

    def _element_of_array(self) -> None:
        self.skip_space()
        start = self.at
        if self.peek() == "[" and self.subscript():
            start = self.at
        while self.at < self.end and self._in_word(start):
            pass
        if self.at == start and self.peek() not in (")", "["):
            self.at += 1
