"""Reads the commands of a bash script: lists, pipelines, compounds, redirections.

The upper layer. It gathers what `commands` judges: simple commands, `[[ ]]` conditions, loop variables.
"""

from __future__ import annotations

from penstock.engine.placeholders.binding import Script

from .places import Command, Position, Unreadable, Word
from .words import METACHARACTERS, Words

_PREFIXES = frozenset(
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "{", "}", "!", "time", "coproc"]
)
_CLAUSE_ENDS = (";;", ";&")


class Reader(Words):
    """Reads a whole script."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.commands: list[Command] = []
        self.conditions: list[list[Word]] = []
        """The words and operators of each `[[ ]]`."""
        self.loops: list[tuple[str, list[Word]]] = []
        """The variable and the words of each `for`."""

    def read(self) -> None:
        """Read the script to its end."""
        self.read_commands()
        if self.at < self.end:
            raise Unreadable(self.at, f"there is a {self.peek()} that closes nothing")

    def read_commands(self, *, until: str = "", in_case: bool = False) -> None:
        """Read commands up to a closing character, which is left to the caller; in `case` up to a clause's end."""
        self.enter()
        while True:
            self.skip_space()
            character = self.peek()
            if not character or character == ")":
                break
            if in_case and self.peek(2) in _CLAUSE_ENDS:
                break
            if character in ";&|":
                self.at += 1
            elif in_case and self._next_word_is("esac"):
                break
            elif character == "(":
                self._subshell()
            else:
                self._command()
        if self.peek() == ")" and until != ")" and not in_case:
            raise Unreadable(self.at, "there is a ) that closes nothing")
        self.leave()

    def _subshell(self) -> None:
        if self.peek(2) != "((" or not self.arithmetic(self.at + 2, "))"):
            self.at += 1
            self.parenthesized()

    def _command(self) -> None:
        """A compound's first word, or a simple command."""
        start = self.at
        word = self.word()
        if word.text == "case":
            self._case(start)
        elif word.text in ("for", "select"):
            self._for()
        elif word.text == "[[":
            self._condition(start)
        elif word.text == "function":
            self.skip_blanks()
            self._refuse_name(self.word())
        elif word.text not in _PREFIXES:
            self._simple(word)

    def _simple(self, first: Word) -> None:
        words = [first] if first.text and not self._is_handle(first) else []
        while True:
            self.skip_blanks()
            character = self.peek()
            if self.peek(2) == "&>" or (character in ("<", ">") and self.peek(2)[1:] != "("):
                self._redirection()
            elif character == "(":
                # `name ()` defines a function, whose body is read as the next command.
                self.at += 1
                self.skip_blanks()
                if self.peek() != ")" or len(words) != 1:
                    raise Unreadable(self.at, "there is a parenthesis where bash allows none")
                self.at += 1
                self._refuse_name(words[0])
                return
            elif character == "#":
                self.skip_comment()
            elif not character or (character in METACHARACTERS and character not in "<>"):
                break
            else:
                word = self.word()
                words += [] if self._is_handle(word) else [word]
        if words:
            self.commands.append(Command(tuple(words)))

    def _is_handle(self, word: Word) -> bool:
        """Whether the word is the number in `2>` or the name in `{name}>`."""
        if self.peek() not in ("<", ">") or self.peek(2)[1:] == "(":
            return False
        return word.text.isdecimal() or (word.text.startswith("{") and word.text.endswith("}"))

    def _redirection(self) -> None:
        if self.peek(3) == "<<<":
            self.at += 3
        elif self.peek(2) == "<<":
            self.at += 2
            strips_tabs = self.peek() == "-"
            self.at += strips_tabs
            self.add_here_document(strips_tabs=strips_tabs)
            return
        else:
            while self.peek() and self.peek() in "<>&|" and self.peek(2)[1:] != "(":
                self.at += 1
        self.skip_blanks()
        self.word()

    def _case(self, start: int) -> None:
        self.skip_blanks()
        self.word()
        self.skip_space()
        if self.word().text != "in":
            raise Unreadable(start, "this case has no `in`")
        while True:
            self.skip_space()
            if self._next_word_is("esac"):
                self.word()
                return
            if self.at >= self.end:
                raise Unreadable(start, "this case has no `esac`")
            self._clause(start)

    def _clause(self, start: int) -> None:
        if self.peek() == "(":
            self.at += 1
        while self.peek() != ")":
            self.skip_space()
            if self.peek() == "|":
                self.at += 1
            elif self.peek() != ")" and not self.word().text:
                raise Unreadable(self.at if self.at < self.end else start, "this case cannot be read")
        self.at += 1
        self.read_commands(in_case=True)
        for end in (";;&", *_CLAUSE_ENDS):
            if self.peek(len(end)) == end:
                self.at += len(end)
                return
        if self.peek() == ")":
            raise Unreadable(self.at, "there is a ) that closes nothing")

    def _for(self) -> None:
        self.skip_blanks()
        if self.peek(2) == "((" and self.arithmetic(self.at + 2, "))"):
            return
        name = self.word()
        self._refuse_name(name)
        self.skip_space()
        if not self._next_word_is("in"):
            return
        self.word()
        words = []
        while True:
            self.skip_blanks()
            if not self.peek() or (self.peek() in METACHARACTERS and self.peek(2) not in ("<(", ">(")):
                break
            words.append(self.word())
        self.loops.append((name.text, words))

    def _condition(self, start: int) -> None:
        words: list[Word] = []
        while True:
            self.skip_space()
            if self.at >= self.end:
                raise Unreadable(start, "this [[ is never closed")
            word = self.word()
            if not word.text:  # an operator: ( ) < > && ||
                self.at += 1
                word.text = self.text[word.start : self.at]
            if word.text == "]]":
                break
            words.append(word)
        self.conditions.append(words)

    def _next_word_is(self, text: str) -> bool:
        end = self.at + len(text)
        following = self.text[end : end + 1]
        return self.peek(len(text)) == text and (end >= self.end or following in METACHARACTERS)

    def _refuse_name(self, word: Word) -> None:
        for place in word.places:
            self.note(place.occurrence, Position.NAME)
