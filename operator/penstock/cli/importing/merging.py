"""Three states of a file: as it was generated last, as a person left it, as it is generated now. Pure.

A file is taken document by document, and a document line by line. What a person changed stays as that person wrote it,
whatever is generated now; everything else becomes what is generated now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import yaml

from penstock.errors import InvalidInput

Lines = list[str]
_SEPARATOR = re.compile(r"^---[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place that both a person and what is behind the file changed."""

    name: str
    """Of the object."""
    kept: str
    """A person's lines, which stay."""
    left_out: str
    """What would be there otherwise."""


@dataclass(frozen=True, slots=True)
class Merged:
    """What the file is to hold."""

    text: str
    conflicts: tuple[Conflict, ...] = ()


def merge(base: str, mine: str, new: str) -> Merged:
    """The person's file with what is generated now. Raises InvalidInput where it cannot be told apart."""
    before, theirs, generated = _documents(base), _documents(mine), _documents(new)
    kept: list[str] = []
    conflicts: list[Conflict] = []
    for name, text in theirs.items():
        if name in generated:
            lines, found = _merge_lines(_lines(before.get(name, "")), _lines(text), _lines(generated[name]))
            kept.append("".join(lines))
            conflicts += [Conflict(name, "".join(own), "".join(other)) for own, other in found]
        elif text != before.get(name):
            # A person's own, or one that was edited and whose table is gone.
            kept.append(text)
            if name in before:
                conflicts.append(Conflict(name, text, ""))
    kept += [text for name, text in generated.items() if name not in theirs and name not in before]
    return Merged("---\n".join(kept), tuple(conflicts))


def _documents(text: str) -> Mapping[str, str]:
    """Documents by the name of what they hold."""
    found: dict[str, str] = {}
    for part in _SEPARATOR.split(text):
        document = part.removeprefix("\n")
        if not document.strip():
            continue
        try:
            data = yaml.safe_load(document)
            name = f"{data['kind']} {data['metadata']['name']}"
        except (yaml.YAMLError, TypeError, KeyError) as error:
            first = document.strip().splitlines()[0]
            message = f"the document that begins with `{first[:80]}` cannot be read as an object with kind and name"
            raise InvalidInput(message, hint="Correct it (`penstock validate FILE`), then import again.") from error
        if name in found:
            raise InvalidInput(f"the file has {name} twice", hint="Remove one of the two, then import again.")
        found[name] = document if document.endswith("\n") else f"{document}\n"
    return found


def _lines(text: str) -> Lines:
    return text.splitlines(keepends=True)


def _merge_lines(base: Lines, mine: Lines, new: Lines) -> tuple[Lines, list[tuple[Lines, Lines]]]:
    merged: Lines = []
    conflicts = []
    at_base = at_mine = at_new = 0
    for start, end, in_mine, in_new in _common(base, mine, new):
        old, own, other = base[at_base:start], mine[at_mine:in_mine], new[at_new:in_new]
        if old == own:
            merged += other
        else:
            merged += own
            if other not in (old, own):
                conflicts.append((own, other))
        merged += base[start:end]
        at_base, at_mine, at_new = end, in_mine + end - start, in_new + end - start
    return merged, conflicts


def _common(base: Lines, mine: Lines, new: Lines) -> Iterator[tuple[int, int, int, int]]:
    """Stretches that are in all three: (from, to) in the base and where they begin in the others; last an empty one."""
    left, right = _blocks(base, mine), _blocks(base, new)
    one = other = 0
    while one < len(left) and other < len(right):
        base_one, at_mine, size_one = left[one]
        base_other, at_new, size_other = right[other]
        start, end = max(base_one, base_other), min(base_one + size_one, base_other + size_other)
        if start < end:
            yield start, end, at_mine + start - base_one, at_new + start - base_other
        if base_one + size_one < base_other + size_other:
            one += 1
        else:
            other += 1
    yield len(base), len(base), len(mine), len(new)


def _blocks(base: Sequence[str], other: Sequence[str]) -> list[tuple[int, int, int]]:
    return [(a, b, size) for a, b, size in SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()]
