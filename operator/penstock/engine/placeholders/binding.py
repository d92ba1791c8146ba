"""The values that binding deals in: what was found, what each placeholder becomes, what is wrong.

Positions are offsets in the source; lines and columns, counted from 1, appear only in problems.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_PLACEHOLDER = re.compile(r"\{\{[ \t]*context_([A-Za-z0-9_]*)[ \t]*\}\}")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_MARK = "Z"
_LONGEST_SUGGESTION = 4000


@dataclass(frozen=True, slots=True)
class PlaceholderProblem:
    """Why a script cannot be bound, and where."""

    line: int
    column: int
    message: str
    suggestion: str = ""
    """The corrected line, or lines, for the statement that holds this place; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A script whose placeholders are references. With problems, `source` is what was given and must not run."""

    source: str
    used: frozenset[str]
    """The names of the context that the script's placeholders name."""
    problems: tuple[PlaceholderProblem, ...]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One placeholder."""

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Edit:
    """What the text between two offsets becomes."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the placeholder cannot become a reference where it stands."""

    occurrence: Occurrence
    message: str
    fixes: tuple[Edit, ...] = ()
    """The smallest edits that put it right; the suggestion shows whole lines with them."""
    first: str = ""
    """A line to be put before the corrected one."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a language makes of each placeholder in a script; those in comments are left out."""

    edits: tuple[Edit, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    used: tuple[Occurrence, ...] = ()
    problems: tuple[PlaceholderProblem, ...] = field(default=())
    """What is wrong with the script itself."""


class Script:
    """A source and the placeholders in it."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.occurrences = tuple(
            Occurrence(found.start(), found.end(), found[1]) for found in _PLACEHOLDER.finditer(source)
        )
        self.masked = _PLACEHOLDER.sub(lambda found: _MARK * len(found[0]), source)
        """The source with each placeholder drawn as letters, so that a lexer takes it for a word; same length."""
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", source))]

    def offset(self, line: int, column: int) -> int:
        """The offset of a line counted from 1 and a column counted from 0."""
        return self._line_starts[line - 1] + column

    def line(self, offset: int) -> int:
        """The line, counted from 1, that holds the offset."""
        low, high = 0, len(self._line_starts)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._line_starts[middle] <= offset else (low, middle)
        return low + 1

    def problem(self, offset: int, message: str, suggestion: str = "") -> PlaceholderProblem:
        """A problem at this offset."""
        line = self.line(offset)
        return PlaceholderProblem(line, offset - self._line_starts[line - 1] + 1, message, suggestion)

    def corrected(self, fixes: Iterable[Edit], edits: Iterable[Edit], first: str = "") -> str:
        """The whole lines around `fixes` with every edit in them made; `first` is put before them, as indented."""
        needed, chosen = list(fixes), list(edits)
        start, end = self._whole_lines(min(edit.start for edit in needed), max(edit.end for edit in needed))
        # An edit that reaches over these lines brings its own lines in.
        for edit in chosen:
            if edit.start < end and edit.end > start:
                start, end = self._whole_lines(min(start, edit.start), max(end, edit.end))
        text = apply([edit for edit in chosen if start <= edit.start and edit.end <= end], self.source, start, end)
        if first:
            indent = text[: len(text) - len(text.lstrip())]
            text = f"{indent}{first}\n{text}"
        return text if len(text) <= _LONGEST_SUGGESTION else ""

    def _whole_lines(self, start: int, end: int) -> tuple[int, int]:
        newline = self.source.find("\n", end)
        return self._line_starts[self.line(start) - 1], len(self.source) if newline < 0 else newline


def apply(edits: Iterable[Edit], source: str, start: int = 0, end: int | None = None) -> str:
    """The part of the source between two offsets with the edits made; they must lie in it and not overlap."""
    pieces = []
    position = start
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [source[position : edit.start], edit.text]
        position = edit.end
    pieces.append(source[position:end])
    return "".join(pieces)


def is_context_name(name: str) -> bool:
    """Whether a name can be a key of the context."""
    return _NAME.fullmatch(name) is not None
