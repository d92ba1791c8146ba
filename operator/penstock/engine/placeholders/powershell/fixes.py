"""Corrects the lines of a PowerShell script in which a placeholder is refused, and sees what touches one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from penstock.engine.placeholders.binding import Edit, Occurrence, Script, apply

from .reader import Place, Position

_LONGEST = 2000
"""Characters of a literal or a word that is worth a correction."""
_BEFORE_WORD = frozenset(" \t\n;,|&(){}[!")
_AFTER_WORD = frozenset(" \t\n;,|&(){}]")
_PLAIN = re.compile(r"[\w./\\:=@%+~*?,-]*")
_DOUBLED = re.compile("['\u2018-\u201b]{2}")


def reference(occurrence: Occurrence) -> str:
    """The value in code."""
    return f"$context['{occurrence.name}']"


def expanded(occurrence: Occurrence) -> str:
    """The value in a string that PowerShell expands."""
    return f"$({reference(occurrence)})"


def edit(place: Place, text: str) -> Edit:
    """Puts a text in the placeholder's place."""
    return Edit(place.occurrence.start, place.occurrence.end, text)


@dataclass(frozen=True, slots=True)
class Touching:
    """A word without what a bracket or a separator parts from it."""

    start: int
    end: int
    count: int
    """How many placeholders are in it."""
    quoted: tuple[Edit, ...]
    """The word as a string in double quotes; empty where it cannot be one."""


class Fixes:
    """The corrections of one script; neighbours share them."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._literals: dict[int, tuple[Edit, ...]] = {}
        self._touching: Touching | None = None

    def of_place(self, place: Place) -> tuple[Edit, ...]:
        """What puts a placeholder right that stands in a literal or after a backtick."""
        if place.position is Position.ESCAPED:
            return (Edit(place.occurrence.start - 1, place.occurrence.start, ""),)
        if place.position is Position.DOUBLE:
            return (edit(place, expanded(place.occurrence)),)
        if place.position not in (Position.SINGLE, Position.HERE) or place.end - place.start > _LONGEST:
            return ()
        if place.start not in self._literals:
            is_here = place.position is Position.HERE
            self._literals[place.start] = self._here(place) if is_here else self._double_quoted(place)
        return (*self._literals[place.start], edit(place, expanded(place.occurrence)))

    def touching(self, occurrence: Occurrence) -> Touching:
        """What touches a placeholder; to be asked in the order of the script."""
        last = self._touching
        if last is None or not last.start <= occurrence.start < last.end:
            last = self._touching = self._look_around(occurrence)
        return last

    def _look_around(self, occurrence: Occurrence) -> Touching:
        text, start, end = self._script.masked, occurrence.start, occurrence.end
        while start and text[start - 1] not in _BEFORE_WORD:
            start -= 1
        while end < len(text) and text[end] not in _AFTER_WORD:
            end += 1
        within = [found for found in self._script.occurrences if start <= found.start < end]
        if end - start > _LONGEST or not _PLAIN.fullmatch(text, start, end):
            return Touching(start, end, len(within), ())
        edits = [Edit(found.start, found.end, expanded(found)) for found in within]
        whole = Edit(start, end, f'"{apply(edits, self._script.source, start, end)}"')
        return Touching(start, end, len(within), (whole,))

    def _double_quoted(self, place: Place) -> tuple[Edit, ...]:
        """A string in single quotes as one in double quotes, in which the same is text."""
        start, end = place.start + 1, place.end - 1
        doubled = tuple(
            Edit(found.start(), found.end(), found[0][0])
            for found in _DOUBLED.finditer(self._script.masked, start, end)
        )
        quotes = (Edit(start - 1, start, '"'), Edit(end, end + 1, '"'))
        return (*quotes, *doubled, *self._escapes(start, end, '$`"\u201c\u201d\u201e'))

    def _here(self, place: Place) -> tuple[Edit, ...]:
        header, footer = place.start + 1, place.end - 2
        quotes = (Edit(header, header + 1, '"'), Edit(footer, footer + 1, '"'))
        return (*quotes, *self._escapes(header + 1, footer, "$`"))

    def _escapes(self, start: int, end: int, special: str) -> tuple[Edit, ...]:
        return tuple(Edit(at, at, "`") for at in range(start, end) if self._script.masked[at] in special)
