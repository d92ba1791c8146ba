"""Placeholders in PowerShell: `$context['NAME']` in code, refused in strings and where a value would be a program.

PowerShell does not read the value of a variable again, except where a command takes it for a program; the corrected
line has `$($context['NAME'])` in a string that PowerShell expands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from penstock.engine.placeholders.binding import Edit, Judgement, Occurrence, Refusal, Script
from penstock.engine.placeholders.tokens import Unreadable

from .fixes import Fixes, Touching, edit, expanded, reference
from .hazards import Finding, command_name, findings
from .reader import Place, Position, Reader, Word

__all__ = ["judge"]

_MESSAGES = MappingProxyType(
    {
        Position.SINGLE: "stands in single quotes, where it would stay text. Use double quotes",
        Position.DOUBLE: "stands in the text of a string, where it would stay text. Write $(...) around the value",
        Position.HERE: "stands in a here-string that PowerShell does not expand. Use double quotes",
        Position.ESCAPED: "stands after a backtick, which would turn the reference into text. Take the backtick away",
        Position.NAME: "stands where a name is expected. A value of the context cannot name a variable",
        Position.TYPE: "stands where the name of a type is expected. A value of the context cannot name a type",
        Position.VERBATIM: "stands after --%, which passes the rest of the line on as it is. Take the --% away",
    }
)
_DOLLAR = "stands after a dollar sign, which PowerShell would take for a variable. Take the $ away"
_MEMBER = "stands after a dot or two colons. Use parentheses to choose a member by its name"
_GLUED = "touches other text, where PowerShell might end the reference elsewhere. Put the whole word into double quotes"
_OPERATOR = "touches an operator, where PowerShell might end the reference elsewhere. Leave a space"
_OPERATORS = frozenset("+-*/%=<>")
_ASSIGNED = re.compile(r"\$[\w:]+[-+*/%?]{0,2}=|-\w+:")
_KEY = re.compile(r"[\w-]+=")
_FILE_ENDING = re.compile(r"\.(?!(?:length|count|keys|values)\b)\w+(?!\w*\()", re.IGNORECASE)


def judge(source: str, types: Mapping[str, str]) -> tuple[Script, Judgement]:  # noqa: ARG001  # no use here
    """What each placeholder of a PowerShell script becomes. A script without placeholders is not read at all."""
    script = Script(source.replace("\r\n", "\n"))
    if not script.occurrences:
        return script, Judgement()
    reader = Reader(script)
    try:
        reader.read()
    except Unreadable as error:
        message = f"placeholders cannot be bound, for this is not PowerShell as far as it can be read: {error.message}"
        return script, Judgement(problems=(script.problem(min(error.offset, len(script.source)), message),))
    return script, _judged(script, reader)


def _judged(script: Script, reader: Reader) -> Judgement:
    found = {finding.place: finding for pipeline in reader.pipelines for finding in findings(pipeline)}
    words = {place: (word, command) for word, command in _words(reader) for place in word.places}
    fixes = Fixes(script)
    edits: list[Edit] = []
    refusals: list[Refusal] = []
    used: list[Occurrence] = []
    for place in sorted(reader.places, key=lambda place: place.occurrence.start):
        used.append(place.occurrence)
        refusal = _refusal(script, fixes, place, found.get(place), words.get(place))
        if refusal is None:
            edits.append(edit(place, reference(place.occurrence)))
        else:
            refusals.append(refusal)
    return Judgement(tuple(edits), tuple(refusals), tuple(used))


def _words(reader: Reader) -> list[tuple[Word, str]]:
    """Every word, outer ones first, with the command that it belongs to: empty for its first word and expressions."""
    found = []
    for pipeline in reader.pipelines:
        for words in pipeline.commands:
            command = command_name(words)
            found += [(word, command if index else "") for index, word in enumerate(words)]
    return found


def _refusal(
    script: Script, fixes: Fixes, place: Place, finding: Finding | None, holder: tuple[Word, str] | None
) -> Refusal | None:
    occurrence, is_code = place.occurrence, place.position is Position.CODE
    if finding is not None:
        written = (edit(place, reference(occurrence)),) if finding.may_be_written and is_code else ()
        return Refusal(occurrence, finding.message, written)
    if script.masked[occurrence.start - 1 : occurrence.start] == "$" and (is_code or place.position is Position.DOUBLE):
        text = script.source[occurrence.start : occurrence.end] if is_code else expanded(occurrence)
        return Refusal(occurrence, _DOLLAR, (Edit(occurrence.start - 1, occurrence.end, text),))
    if not is_code:
        return Refusal(occurrence, _MESSAGES[place.position], fixes.of_place(place))
    return _glued(script, fixes.touching(occurrence), place, is_argument=holder is not None and bool(holder[1]))


def _glued(script: Script, touching: Touching, place: Place, *, is_argument: bool) -> Refusal | None:
    """Why a reference would not begin or not end where the placeholder does."""
    occurrence = place.occurrence
    head = script.masked[touching.start : occurrence.start]
    tail = script.masked[occurrence.end : touching.end]
    if head.endswith((".", "::")) and head[0] in "$)]":
        return Refusal(occurrence, _MEMBER, (edit(place, f"({reference(occurrence)})"),))
    begins = not head or _ASSIGNED.fullmatch(head) or (place.in_hashtable and _KEY.fullmatch(head))
    is_file = is_argument and _FILE_ENDING.match(tail) and script.masked[touching.end : touching.end + 1] != "("
    ends = not tail or (tail[0] in ".[" and not is_file) or tail.startswith("::")
    if begins and ends and touching.count == 1:
        return None
    if not is_argument and touching.count == 1:
        return _spaced(place, head if not begins else "", tail if not ends else "")
    return Refusal(occurrence, _GLUED, touching.quoted)


def _spaced(place: Place, head: str, tail: str) -> Refusal:
    """In an expression an operator touches the placeholder."""
    if (head and head[-1] not in _OPERATORS) or (tail and tail[0] not in _OPERATORS):
        return Refusal(place.occurrence, _GLUED)
    text = f"{' ' * bool(head)}{reference(place.occurrence)}{' ' * bool(tail)}"
    return Refusal(place.occurrence, _OPERATOR, (edit(place, text),))
