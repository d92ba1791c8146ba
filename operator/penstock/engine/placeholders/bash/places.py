"""What the reader of a bash script finds: where each placeholder stands, and the words of each command."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from penstock.engine.placeholders.binding import Occurrence


class Position(StrEnum):
    """Where a placeholder stands, as far as the characters around it say."""

    BARE = "bare"
    DOUBLE = "double"
    """In double quotes or an unquoted here-document."""
    SINGLE = "single"
    ANSI = "ansi"
    """In $'...'."""
    QUOTED_HEREDOC = "quoted-heredoc"
    ARITHMETIC = "arithmetic"
    SUBSCRIPT = "subscript"
    NAME = "name"
    """Where the name of a variable is expected."""
    PATTERN = "pattern"
    """In ${name#...} and its like."""
    ESCAPED = "escaped"
    """After a backslash."""
    DOLLAR = "dollar"
    """Directly after a dollar sign."""
    BACKTICKS = "backticks"
    """In backticks that hold backslashes, which are read twice."""


@dataclass(frozen=True, slots=True)
class Region:
    """A literal that holds placeholders, quotes included."""

    start: int
    end: int
    body_start: int = 0
    """Of a here-document, where `start` and `end` are its delimiter's in the line that begins it."""
    body_end: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """One placeholder and where it stands."""

    occurrence: Occurrence
    position: Position
    region: Region | None = None


@dataclass(slots=True)
class Word:
    """A word of a command: its text as written and the placeholders in it."""

    start: int
    end: int = 0
    text: str = ""
    places: list[Place] = field(default_factory=list)
    """Those of the word itself."""
    nested: list[Place] = field(default_factory=list)
    """Those in commands whose output becomes part of the word."""


@dataclass(frozen=True, slots=True)
class HereDocument:
    """A here-document whose text begins after the next newline."""

    delimiter: str
    is_quoted: bool
    strips_tabs: bool
    header: Word


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command: assignments, its name and its arguments, without redirections."""

    words: tuple[Word, ...]


class Unreadable(Exception):
    """The script cannot be read from this offset on."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message
