"""What the readers of several languages share: tokens with their places, and which of them holds a placeholder."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from .binding import Occurrence


class Kind(StrEnum):
    """What a token is, as far as placeholders are concerned."""

    NAME = "name"
    """An identifier, a keyword or a number."""
    MARK = "mark"
    """An operator or a bracket."""
    STRING = "string"
    """A literal in which nothing is evaluated, quotes included."""
    TEMPLATE = "template"
    """A piece of a literal in which expressions are evaluated, without these."""
    PATTERN = "pattern"
    """A regular expression."""
    CHARACTER = "character"
    COMMENT = "comment"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, by its offsets in the source."""

    start: int
    end: int
    kind: Kind
    text: str = ""
    """Of names and marks."""


class Unreadable(Exception):
    """The script cannot be read from this offset on."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


def holding(tokens: Sequence[Token], occurrence: Occurrence) -> int | None:
    """The index of the token that holds the placeholder; tokens are in order and do not overlap."""
    index = bisect_right(tokens, occurrence.start, key=lambda token: token.start) - 1
    return index if index >= 0 and occurrence.start < tokens[index].end else None


def inside(occurrences: Sequence[Occurrence], token: Token) -> tuple[Occurrence, ...]:
    """The placeholders within a token."""
    first, last = (
        bisect_right(occurrences, edge - 1, key=lambda occurrence: occurrence.start)
        for edge in (token.start, token.end)
    )
    return tuple(occurrences[first:last])
