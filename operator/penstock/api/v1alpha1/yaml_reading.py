"""YAML text -> JSON-like data with the line of everything in it. Knows nothing of Workflows.

Reads the events of the parser itself: every mistake has a line, keys may not repeat, and what aliases unfold to is
counted, so that a short text cannot become a huge document.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from penstock.errors import Problem

if TYPE_CHECKING:
    import yaml

MAX_TEXT = 4_194_304
"""Characters of a file."""
MAX_NODES = 100_000
"""Values in a document, aliases written out."""
MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Position:
    """Where a value is written."""

    line: int
    """1-based."""
    block: bool = False
    """It is a `|` block, whose first line of text is the next one."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    data: Any
    positions: Mapping[str, Position]
    """By dotted path; the document itself is ``""``."""

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.positions[""].line


def read_yaml(text: str, *, compiled: bool = True) -> tuple[tuple[Document, ...], tuple[Problem, ...]]:
    """The documents of a file and what is wrong with its YAML; one that cannot be read to its end is left out.

    `compiled` takes the parser in C where PyYAML has it, which is ten times faster.
    """
    import yaml

    if len(text) > MAX_TEXT:
        message = f"The file has more than {MAX_TEXT:,} characters."
        return (), (Problem("", message, "Split it into several files."),)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if compiled else yaml.SafeLoader
    documents: list[Document] = []
    reader = _Reader(yaml.parse(text, Loader=loader), yaml.SafeLoader(""))
    problems = reader.problems
    try:
        documents.extend(reader.documents())
    except yaml.YAMLError as error:
        problems.append(_syntax_problem(error, text))
    except _TooLarge as error:
        problems.append(error.problem)
    return tuple(documents), tuple(problems)


class _TooLarge(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(slots=True)
class _Collection:
    """A mapping or list that is being read."""

    path: str
    data: Any
    anchor: str | None
    line: int
    flow: bool
    key: str | None = None
    merges: list[Any] = field(default_factory=list)
    nodes: int = 1

    def child_path(self) -> str:
        if isinstance(self.data, list):
            return f"{self.path}[{len(self.data)}]"
        if self.key is None:
            return self.path
        return f"{self.path}.{self.key}" if self.path else self.key


class _Reader:
    """Events of the parser put together to documents."""

    def __init__(self, events: Iterator[Any], scalars: yaml.SafeLoader) -> None:
        self._events = events
        self._scalars = scalars
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._stack: list[_Collection] = []
        self._positions: dict[str, Position] = {}
        self._root: Any = None
        self.problems: list[Problem] = []

    def documents(self) -> Iterator[Document]:
        """Each document that is not empty."""
        import yaml

        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors, self._positions, self._root = {}, {}, None
            elif isinstance(event, yaml.DocumentEndEvent):
                if self._root is not None:
                    yield Document(self._root, self._positions)
            elif isinstance(event, yaml.ScalarEvent):
                self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event, isinstance(event, yaml.MappingStartEvent))
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()

    def _open(self, event: Any, mapping: bool) -> None:
        line = event.start_mark.line + 1
        if len(self._stack) >= MAX_DEPTH:
            message = f"The document is nested more than {MAX_DEPTH} deep."
            raise _TooLarge(Problem(self._path(), message, "Make it flatter.", line))
        if self._wants_key():
            self._say(
                "A key must be plain text.", "Write `name: value`; put a value that begins with `{` in quotes.", line
            )
            self._stack[-1].key = f"?{line}"
        self._note(line)
        if event.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._refuse_tag(event.tag, line)
        data: Any = {} if mapping else []
        self._stack.append(_Collection(self._path(), data, event.anchor, line, bool(event.flow_style)))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.anchor:
            self._anchors[done.anchor] = (done.data, done.nodes)
        for merged in done.merges:
            for key, value in merged.items():
                done.data.setdefault(key, value)
        self._add(done.data, done.nodes)

    def _scalar(self, event: Any) -> None:
        line = event.start_mark.line + 1
        if self._wants_key():
            self._key(event.value, line)
            return
        self._note(line, block=event.style == "|")
        if "\0" in event.value:
            self._say("The text has a NUL character, which no program's environment can hold.", "Remove it.", line)
        value = self._value(event, line)
        if event.anchor:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, 1)

    def _key(self, key: str, line: int) -> None:
        collection = self._stack[-1]
        collection.key = key
        if key in collection.data:
            first = self._positions.get(self._path())
            where = f" in line {first.line}" if first else ""
            message = f"The key `{key}` is there already{where}; only one of the two would count."
            self._say(message, "Remove one of them, or join them.", line)
        self._positions.setdefault(self._path(), Position(line))

    def _alias(self, event: Any) -> None:
        line = event.start_mark.line + 1
        known = self._anchors.get(event.anchor)
        if known is None:
            message = f"`*{event.anchor}` stands for nothing: there is no finished `&{event.anchor}` before it."
            self._say(message, f"Add `&{event.anchor}` to the value that is meant.", line)
        self._note(line)
        value, nodes = known or (None, 1)
        self._add(value, nodes)

    def _add(self, value: Any, nodes: int) -> None:
        if not self._stack:
            self._root = value
            return
        parent = self._stack[-1]
        parent.nodes += nodes
        if parent.nodes > MAX_NODES:
            message = f"The document has more than {MAX_NODES:,} values when its aliases are written out."
            raise _TooLarge(Problem(parent.path, message, "Use fewer aliases.", parent.line))
        if isinstance(parent.data, list):
            parent.data.append(value)
        else:
            self._put(parent, value)

    def _put(self, parent: _Collection, value: Any) -> None:
        assert parent.key is not None
        if parent.key == "<<":
            sources = value if isinstance(value, list) else [value]
            parent.merges.extend(source for source in sources if isinstance(source, dict))
        else:
            parent.data[parent.key] = value
        parent.key = None

    def _wants_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1].data, dict) and self._stack[-1].key is None

    def _path(self) -> str:
        return self._stack[-1].child_path() if self._stack else ""

    def _note(self, line: int, *, block: bool = False) -> None:
        path = self._path()
        # The line of a value in a mapping is that of its key, unless the value is a block.
        if block or path not in self._positions:
            self._positions[path] = Position(line, block)

    def _say(self, message: str, fix: str, line: int) -> None:
        self.problems.append(Problem(self._path(), message, fix, line))

    def _value(self, event: Any, line: int) -> Any:
        """A scalar as JSON has it: dates stay text, as they do for the API server."""
        import yaml

        tag = event.tag
        if tag is None or tag == "!":
            tag = self._scalars.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]  # its stubs leave it out
        kind = tag.removeprefix("tag:yaml.org,2002:")
        if kind in ("str", "timestamp", "value", "merge"):
            return _number_of(event.value) if not event.style and kind == "str" else event.value
        if kind in ("null", "bool", "int", "float"):
            return self._plain_value(event.value, tag, kind, line)
        self._refuse_tag(tag, line)
        return event.value

    def _refuse_tag(self, tag: str, line: int) -> None:
        shown = tag.replace("tag:yaml.org,2002:", "!!")
        self._say(f"The tag `{shown}` is not allowed.", "Remove it and write the value plainly.", line)

    def _plain_value(self, text: str, tag: str, kind: str, line: int) -> Any:
        import yaml

        if kind in ("int", "float") and ":" in text:
            # YAML 1.1 takes 1:30 for a number to the base of 60; the API server does not.
            return text
        try:
            value = self._scalars.construct_object(yaml.ScalarNode(tag, text))
        except (ValueError, KeyError, yaml.YAMLError):
            self._say(f"`{text[:40]}` is not a value of type {kind}.", "Write it in quotes.", line)
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self._say(f"`{text}` is not a number that JSON knows.", "Write a finite number.", line)
            return None
        return value


_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]{1,3}")


def _number_of(text: str) -> Any:
    # YAML 1.1 wants a dot in a number with an exponent; the API server reads 1e3 as a number.
    return float(text) if _EXPONENT.fullmatch(text) else text


_SYNTAX = (
    ("mapping values are not allowed", "A `: ` stands where no value can begin.", "Put the text in quotes."),
    ("could not find expected ':'", "A `:` is missing after a key.", "Write `name: value`."),
    ("expected <block end>", "The indentation does not fit the lines above.", "Indent what belongs together alike."),
    (
        "did not find expected key",
        "The indentation does not fit the lines above.",
        "Indent what belongs together alike.",
    ),
    ("expected '-'", "The indentation does not fit the lines above.", "Indent what belongs together alike."),
    (
        "expected ',' or '}'",
        "A `{` is never closed, or a comma is missing.",
        "Put text that begins with `{` in quotes.",
    ),
    (
        "expected ',' or ']'",
        "A `[` is never closed, or a comma is missing.",
        "Put text that begins with `[` in quotes.",
    ),
    ("unexpected end of stream", "A quote or a bracket is never closed.", "Close it."),
    ("cannot start any token", "This character cannot begin a value.", "Put the text in quotes."),
    ("control characters are not allowed", "The file has a character that YAML does not allow.", "Remove it."),
    ("special characters are not allowed", "The file has a character that YAML does not allow.", "Remove it."),
    ("undefined tag handle", "The tag is not known.", "Remove it and write the value plainly."),
)
"""What the parsers report, in C and in Python, as it is said here."""


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = mark.line + 1 if mark is not None else None
    reported = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error)
    if mark is not None and _character(text, mark) == "\t":
        return Problem("", "A tab cannot be used to indent.", "Use spaces.", line)
    for sign, message, fix in _SYNTAX:
        if sign in reported:
            return Problem("", message, fix, line)
    return Problem("", f"The YAML cannot be read: {reported}.", "", line)


def _character(text: str, mark: yaml.Mark) -> str:
    lines = text.split("\n")
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
