"""Placeholders in bash: `"${CTX_NAME}"` in a bare word, `${CTX_NAME}` in double quotes, refused where that is unsafe.

bash does not scan the value of a quoted variable again, except where it takes it for arithmetic, for a name or for
program text; those places are refused, each with the corrected line.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from penstock.engine.placeholders.binding import Edit, Judgement, Occurrence, Refusal, Script

from .commands import Finding, Hazard, condition_findings, declarations, findings, numeric_operands
from .expansions import IDENTIFIER
from .fixes import finding_refusal, place_refusal, tainted_refusal
from .grammar import Reader
from .places import Place, Position, Unreadable

__all__ = ["judge"]

_REPLACEMENTS = MappingProxyType({Position.BARE: '"${{CTX_{name}}}"', Position.DOUBLE: "${{CTX_{name}}}"})
_WITH_INTEGERS = MappingProxyType(
    {**_REPLACEMENTS, Position.ARITHMETIC: "${{CTX_{name}}}", Position.SUBSCRIPT: "${{CTX_{name}}}"}
)


def judge(source: str, types: Mapping[str, str]) -> tuple[Script, Judgement]:
    """What each placeholder of a bash script becomes. A script without placeholders is not read at all.

    `types` are those of the values that can only be of one; whole numbers may stand in arithmetic.
    """
    script = Script(source)
    if not script.occurrences:
        return script, Judgement()
    reader = Reader(script)
    try:
        reader.read()
    except Unreadable as error:
        message = f"placeholders cannot be bound, for this is not bash as far as it can be read: {error.message}"
        return script, Judgement(problems=(script.problem(min(error.offset, len(source)), message),))
    integers = frozenset(name for name, kind in types.items() if kind == "integer")
    return script, _judged(script, reader, integers)


def _judged(script: Script, reader: Reader, integers: frozenset[str]) -> Judgement:
    comments = set(reader.comments)
    places = {place.occurrence: place for place in reader.places}
    found = _findings(reader)
    tainted = _tainted(reader)
    edits, refusals, used = [], [], []
    for occurrence in script.occurrences:
        place = places.get(occurrence)
        if place is None and occurrence in comments:
            continue
        used.append(occurrence)
        is_integer = occurrence.name in integers
        if place is None:
            refusals.append(Refusal(occurrence, "stands where this reader of bash does not know what bash does"))
        elif occurrence in found and not (is_integer and found[occurrence].hazard is Hazard.NUMERIC):
            refusals.append(finding_refusal(script, found[occurrence]))
        elif place.position not in (_WITH_INTEGERS if is_integer else _REPLACEMENTS):
            refusals.append(place_refusal(script, place))
        elif occurrence in tainted and not is_integer:
            refusals.append(tainted_refusal(place, tainted[occurrence]))
        else:
            text = _WITH_INTEGERS[place.position].format(name=occurrence.name)
            edits.append(Edit(occurrence.start, occurrence.end, text))
    return Judgement(tuple(edits), tuple(refusals), tuple(used))


def _findings(reader: Reader) -> dict[Occurrence, Finding]:
    found: dict[Occurrence, Finding] = {}
    for command in reader.commands:
        found.update((finding.place.occurrence, finding) for finding in findings(command))
    for words in reader.conditions:
        found.update((finding.place.occurrence, finding) for finding in condition_findings(words))
    return found


def _tainted(reader: Reader) -> dict[Occurrence, str]:
    """Placeholders whose variable the script later reads in arithmetic, where the text of a value is run."""
    numeric = set(reader.arithmetic_names)
    arrays: set[str] = set()
    for words in reader.conditions:
        for word in numeric_operands(words):
            numeric.update(IDENTIFIER.findall(word.text))
    assigned: list[tuple[str, bool, tuple[Place, ...]]] = [
        (name, False, tuple(place for word in words for place in word.places)) for name, words in reader.loops
    ]
    for command in reader.commands:
        for variable in declarations(command):
            numeric.update([variable.name] if "i" in variable.options else [])
            arrays.update([variable.name] if {"a", "A"} & set(variable.options) else [])
            assigned.append((variable.name, variable.by_builtin, variable.places))
    return {
        place.occurrence: name
        for name, is_declared, places in assigned
        for place in places
        if name in numeric or (is_declared and name in arrays)
    }
