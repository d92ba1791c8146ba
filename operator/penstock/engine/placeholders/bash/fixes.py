"""Words the refusals of bash placeholders and corrects their lines."""

from __future__ import annotations

from types import MappingProxyType

from penstock.engine.placeholders.binding import Edit, Refusal, Script

from .commands import Finding, Hazard
from .places import Place, Position, Region

_NUMBER_CHECK = (
    '[[ "${{CTX_{name}}}" =~ ^-?(0|[1-9][0-9]*)$ ]] || fail NOT_A_NUMBER "context_{name} must be a whole number"'
)
_LONGEST_DOCUMENT = 2000
_SPECIAL_IN_DOUBLE = frozenset('"$`\\!')
_SPECIAL_IN_DOCUMENT = frozenset("$`\\")

_PLACES = MappingProxyType(
    {
        Position.SINGLE: "stands in single quotes, where bash expands nothing. Use double quotes",
        Position.ANSI: "stands in $'...', where bash expands nothing. Close it before the value",
        Position.QUOTED_HEREDOC: (
            "stands in a here-document whose delimiter is quoted, so that bash expands nothing in it. Take the quotes "
            "off the delimiter and put a backslash before each other $, ` and \\"
        ),
        Position.ARITHMETIC: (
            "stands in arithmetic, where bash runs a $(...) in the text of a value. Check first that it is a number"
        ),
        Position.SUBSCRIPT: (
            "stands in a subscript, which bash evaluates as arithmetic, and that runs a $(...) in the text of a value. "
            "Check first that it is a number"
        ),
        Position.NAME: "stands where a name is expected. A value of the context cannot name a variable or a function",
        Position.PATTERN: 'stands in a pattern of ${...}. Put it into a variable first and write "$variable" there',
        Position.ESCAPED: "stands after a backslash, which would turn the reference into text. Take the backslash away",
        Position.DOLLAR: "stands after a dollar sign, which bash would take for an expansion. Take the $ away",
        Position.BACKTICKS: "stands in backticks that hold backslashes, which bash reads twice. Use $(...)",
    }
)

_HAZARDS = MappingProxyType(
    {
        Hazard.EVALUATED: "is part of what `{command}` runs as a program. Let it see the variable, not its value",
        Hazard.CODE: "is part of the program text that `{command}` runs. {hint}",
        Hazard.PROGRAM: 'would choose the program that runs. If the caller may, write "${{CTX_{name}}}" yourself',
        Hazard.NAMES: (
            "would be taken by `{command}` for the name of a variable, in which bash runs a $(...) in brackets. "
            "Only fixed names can stand there"
        ),
        Hazard.DECLARED: (
            "is read by `{command}` as the elements of an array, in which bash runs a $(...). Write the parentheses "
            "yourself: name=(value)"
        ),
        Hazard.NUMERIC: (
            "is evaluated by `{command}` as arithmetic, where bash runs a $(...) in the text of a value. Check first "
            "that it is a number"
        ),
        Hazard.STARTUP: "would go into {command}, whose content shells and programs run when they start",
    }
)


def place_refusal(script: Script, place: Place) -> Refusal:
    """Why the characters around a placeholder forbid it."""
    occurrence, region = place.occurrence, place.region
    reference = f"${{CTX_{occurrence.name}}}"
    fixes: tuple[Edit, ...] = ()
    first = ""
    if place.position is Position.SINGLE and region:
        fixes = _requoted(script, place, region)
    elif place.position is Position.ANSI:
        fixes = (_edit(place, f"'\"{reference}\"$'"),)
    elif place.position is Position.QUOTED_HEREDOC and region:
        fixes = _unquoted_document(script, place, region)
    elif place.position in (Position.ARITHMETIC, Position.SUBSCRIPT):
        fixes, first = (_edit(place, reference),), _NUMBER_CHECK.format(name=occurrence.name)
    elif place.position in (Position.ESCAPED, Position.DOLLAR):
        fixes = (Edit(occurrence.start - 1, occurrence.start, ""),)
    return Refusal(occurrence, _PLACES[place.position], fixes, first)


def finding_refusal(script: Script, finding: Finding) -> Refusal:
    """Why the command around a placeholder forbids it."""
    place = finding.place
    name = place.occurrence.name
    hint = f"Read it there as {finding.reference.format(name=name)}" if finding.reference else "Pass it as an argument"
    message = _HAZARDS[finding.hazard].format(command=finding.command, name=name, hint=hint)
    fixes: tuple[Edit, ...] = ()
    first = ""
    if finding.hazard is Hazard.EVALUATED and finding.word and place in finding.word.places:
        fixes = _deferred(script, place, finding.word.start)
    elif finding.hazard is Hazard.NUMERIC:
        quotes = '"' if place.position is Position.BARE else ""
        fixes, first = (_edit(place, f"{quotes}${{CTX_{name}}}{quotes}"),), _NUMBER_CHECK.format(name=name)
        fixes = fixes if place.position in (Position.BARE, Position.DOUBLE) else ()
    elif finding.hazard is Hazard.PROGRAM:
        quotes = '"' if place.position is Position.BARE else ""
        fixes = (_edit(place, f"{quotes}${{CTX_{name}}}{quotes}"),)
    return Refusal(place.occurrence, message, fixes, first if fixes else "")


def tainted_refusal(place: Place, variable: str) -> Refusal:
    """Why the variable that a placeholder goes into forbids it."""
    name = place.occurrence.name
    quotes = '"' if place.position is Position.BARE else ""
    message = (
        f"goes into {variable}, which this script reads in arithmetic or declares as a number or an array; bash runs a "
        "$(...) in the text of such a value. Check first that it is a number"
    )
    fix = _edit(place, f"{quotes}${{CTX_{name}}}{quotes}")
    return Refusal(place.occurrence, message, (fix,), _NUMBER_CHECK.format(name=name))


def _edit(place: Place, text: str) -> Edit:
    return Edit(place.occurrence.start, place.occurrence.end, text)


def _requoted(script: Script, place: Place, region: Region) -> tuple[Edit, ...]:
    """The string in double quotes; or, where those would mean something else, closed around the value."""
    reference = f"${{CTX_{place.occurrence.name}}}"
    if _SPECIAL_IN_DOUBLE & set(script.masked[region.start + 1 : region.end - 1]):
        return (_edit(place, f"'\"{reference}\"'"),)
    return (
        Edit(region.start, region.start + 1, '"'),
        _edit(place, reference),
        Edit(region.end - 1, region.end, '"'),
    )


def _unquoted_document(script: Script, place: Place, region: Region) -> tuple[Edit, ...]:
    if region.body_end - region.body_start > _LONGEST_DOCUMENT:
        return ()
    header = script.source[region.start : region.end]
    delimiter = "".join(character for character in header if character not in "\\'\"")
    escapes = (
        Edit(offset, offset, "\\")
        for offset in range(region.body_start, region.body_end)
        if script.masked[offset] in _SPECIAL_IN_DOCUMENT
    )
    return (
        Edit(region.start, region.end, delimiter),
        *escapes,
        _edit(place, f"${{CTX_{place.occurrence.name}}}"),
        Edit(region.body_end, region.body_end, ""),  # so that the suggestion shows the whole document
    )


def _deferred(script: Script, place: Place, start: int) -> tuple[Edit, ...]:
    """A reference that the inner shell expands: CTX_ variables are in its environment too."""
    reference = f"${{CTX_{place.occurrence.name}}}"
    before = script.masked[start : place.occurrence.start]
    if place.position is Position.BARE:
        return (_edit(place, f"'\"{reference}\"'"),)
    if place.position is Position.DOUBLE:
        if before.count('\\"') % 2:
            return (_edit(place, "\\" + reference),)
        if before.count("'") % 2:
            return (_edit(place, f"'\\\"\\{reference}\\\"'"),)
        return (_edit(place, f'\\"\\{reference}\\"'),)
    if place.position is Position.SINGLE:
        return (_edit(place, reference if before.count('"') % 2 else f'"{reference}"'),)
    return ()
