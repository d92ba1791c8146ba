"""Finds the commands of a PowerShell script for which a value would be a program, or a part of one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .reader import Pipeline, Place, Word

_EVALUATING = frozenset({"invoke-expression", "iex", "add-type"})
_STARTING = frozenset({"start-process", "saps", "start", "import-module", "ipmo"})
_NAMING = frozenset({"set-alias", "new-alias", "sal", "nal"})
_DECLARING = frozenset({"function", "filter", "class", "enum", "workflow", "using"})
_SHELLS = MappingProxyType(
    {
        **dict.fromkeys(("pwsh", "powershell"), re.compile(r"-(c|co\w*|ec?|en\w*)", re.IGNORECASE)),
        **dict.fromkeys(("bash", "sh", "zsh", "dash", "ksh"), re.compile(r"-\w*c")),
        **dict.fromkeys(("python", "python3", "ruby", "perl", "node", "php"), re.compile(r"-[cer]|--eval|--print|-p")),
        "cmd": re.compile(r"/[ck]", re.IGNORECASE),
    }
)
"""Programs that run the text which follows such an option."""
_JOINING = frozenset({"pwsh", "powershell", "cmd"})
_ASSIGNMENT = re.compile(r"[-+*/%?]{0,2}=")
_FILE = re.compile(r"-(filep\w*|name|n)", re.IGNORECASE)

_TEXT = (
    "is part of the program text that `{command}` runs. Let it call what it should, with the value as an argument; "
    "another program finds it in the environment variable CTX_{name}"
)
_PROGRAM = "would choose the program that runs. If the caller may, write $context['{name}'] yourself"
_NAME = "stands where PowerShell wants a name. A value cannot name a function, a class or an alias"


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a placeholder may not stand where it stands."""

    place: Place
    message: str
    may_be_written: bool = False
    """The author may write the reference himself."""


def findings(pipeline: Pipeline) -> Iterator[Finding]:
    """Everything in a pipeline that would take a value for a program."""
    earlier: list[Place] = []
    for words in pipeline.commands:
        command, arguments = _command(words)
        yield from _of_command(command, arguments, words)
        if command in _EVALUATING:
            yield from (_text(place, command) for place in earlier)
        earlier += [place for word in words for place in word.places]
    for word in (word for words in pipeline.commands for word in words):
        yield from (_text(place, word.text.partition("(")[0]) for place in word.evaluated)


def command_name(words: list[Word]) -> str:
    """The command that the words call, as its name in lower case; empty for an expression."""
    return _command(words)[0]


def _of_command(command: str, arguments: list[Word], words: list[Word]) -> Iterator[Finding]:
    if called := _called(words):
        yield from (Finding(place, _filled(_PROGRAM, place), may_be_written=True) for place in called.places)
    if command in _EVALUATING:
        yield from (_text(place, command) for word in arguments for place in word.places)
    elif command in _STARTING:
        yield from _program_of(arguments)
    elif command in _NAMING or command in _DECLARING:
        yield from (Finding(place, _NAME) for word in arguments[:2] for place in word.places)
    elif command in _SHELLS:
        yield from _after_option(command, arguments)


def _command(words: list[Word]) -> tuple[str, list[Word]]:
    """The name of the command and its arguments, without what is assigned to, `return` and the call operator."""
    rest = words
    for index, word in enumerate(words):
        if _ASSIGNMENT.fullmatch(word.text) or word.text.lower() in ("return", "throw", "&", "."):
            rest = words[index + 1 :]
    if not rest:
        return "", []
    name = rest[0].text.strip("\"'").lower().replace("\\", "/").rpartition("/")[2].removesuffix(".exe")
    is_name = re.fullmatch(r"[a-z_][\w.-]*", name) is not None and not rest[0].places
    return (name, rest[1:]) if is_name else ("", rest)


def _called(words: list[Word]) -> Word | None:
    """What a call operator or a dot runs."""
    for index, word in enumerate(words[:-1]):
        if word.text in ("&", "."):
            return words[index + 1]
    return None


def _program_of(arguments: list[Word]) -> Iterator[Finding]:
    for index, word in enumerate(arguments):
        is_first = index == 0 and not word.text.startswith("-")
        if is_first or (index and _FILE.fullmatch(arguments[index - 1].text)):
            yield from (Finding(place, _filled(_PROGRAM, place), may_be_written=True) for place in word.places)


def _after_option(command: str, arguments: list[Word]) -> Iterator[Finding]:
    for index, word in enumerate(arguments):
        if _SHELLS[command].fullmatch(word.text):
            # These take all that follows for their program, the others one argument.
            texts = arguments[index + 1 :] if command in _JOINING else arguments[index + 1 : index + 2]
            yield from (_text(place, command) for text in texts for place in text.places)
            return


def _text(place: Place, command: str) -> Finding:
    return Finding(place, _filled(_TEXT, place, command))


def _filled(message: str, place: Place, command: str = "") -> str:
    values: Mapping[str, str] = {"name": place.occurrence.name, "command": command}
    return message.format_map(values)
