"""What commands do with their words: which of them bash, or another program, takes for program text or for a name.

Quoting does not help there: `eval "$x"` runs the value, `read "$x"` and `[[ -v $x ]]` evaluate a subscript in it,
`declare -a a="$x"` runs what a value like ($(...)) holds. Each entry was tried on bash 5.2.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from .places import Command, Place, Word
from .words import ASSIGNMENT

_SHELLS = frozenset(["sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "fish"])
_WRAPPERS = frozenset(
    [
        "sudo",
        "doas",
        "env",
        "timeout",
        "nice",
        "ionice",
        "nohup",
        "setsid",
        "stdbuf",
        "xargs",
        "time",
        "exec",
        "command",
        "builtin",
        "find",
        "watch",
        "chroot",
        "unshare",
        "nsenter",
        "flock",
        "strace",
        "parallel",
        "docker",
        "podman",
        "kubectl",
        "ssh",
        "su",
        "runuser",
        "busybox",
    ]
)
_FORWARDERS = frozenset(["command", "builtin", "exec", "nohup", "setsid"])
_SWITCHING = frozenset({"su", "runuser"})
_DECLARING = frozenset(["declare", "typeset", "local", "export", "readonly"])
_LOADING = frozenset({"source", "."})
_STARTUP_VARIABLES = frozenset(
    ["BASH_ENV", "ENV", "PS4", "PROMPT_COMMAND", "LD_PRELOAD", "PYTHONSTARTUP", "NODE_OPTIONS"]
)
_NUMERIC = frozenset(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])
_EXISTENCE = frozenset({"-v", "-R"})
_UNQUOTED = re.compile(r"[\\'\"]")
_VERSION = re.compile(r"[0-9.]+$")


class Hazard(StrEnum):
    """What would happen to the value."""

    EVALUATED = "evaluated"
    """A shell would run it."""
    CODE = "code"
    """Another program would run it."""
    PROGRAM = "program"
    """It would choose the program that runs."""
    NAMES = "names"
    """It would name a variable, and a name can hold a subscript, which is evaluated."""
    DECLARED = "declared"
    """It would be read as the elements of an array."""
    NUMERIC = "numeric"
    """It would be evaluated as arithmetic."""
    STARTUP = "startup"
    """It would go into a variable whose content shells and programs run."""


_ALWAYS = MappingProxyType(
    {
        **dict.fromkeys(("eval", "compgen", "complete", "alias"), Hazard.EVALUATED),
        **dict.fromkeys(("read", "mapfile", "readarray", "getopts", "unset"), Hazard.NAMES),
        "let": Hazard.NUMERIC,
    }
)
"""Builtins that do the same with each argument."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A placeholder whose value a command would not treat as data."""

    place: Place
    hazard: Hazard
    command: str
    word: Word | None = None
    reference: str = ""
    """How the program's own language reads the value, for `CODE`."""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """Where a program takes program text from, and how that text reads an environment variable."""

    reference: str
    flags: frozenset[str] = frozenset()
    operand: int | None = None
    """Which argument that is no option is program text, counted from 0, when none of the flags is given."""
    options_with_value: frozenset[str] = frozenset()


INTERPRETERS = MappingProxyType(
    {
        "python": Interpreter('os.environ["CTX_{name}"]', frozenset({"-c"})),
        "perl": Interpreter("$ENV{{CTX_{name}}}", frozenset({"-e", "-E"})),
        "ruby": Interpreter('ENV["CTX_{name}"]', frozenset({"-e"})),
        "node": Interpreter("process.env.CTX_{name}", frozenset({"-e", "-p", "--eval", "--print"})),
        "php": Interpreter('getenv("CTX_{name}")', frozenset({"-r"})),
        "awk": Interpreter('ENVIRON["CTX_{name}"]', operand=0, options_with_value=frozenset({"-F", "-v", "-f"})),
        "gawk": Interpreter('ENVIRON["CTX_{name}"]', operand=0, options_with_value=frozenset({"-F", "-v", "-f"})),
        "mawk": Interpreter('ENVIRON["CTX_{name}"]', operand=0, options_with_value=frozenset({"-F", "-v", "-f"})),
        "jq": Interpreter("env.CTX_{name}", operand=0, options_with_value=frozenset({"--indent"})),
        "sed": Interpreter("", frozenset({"-e", "--expression"}), 0),
        "psql": Interpreter(":'name', with -v name=", frozenset({"-c", "--command"})),
        "mysql": Interpreter("", frozenset({"-e", "--execute"})),
        "sqlite3": Interpreter("", operand=1),
    }
)
"""Programs that are given their program text as an argument."""


def findings(command: Command) -> Iterator[Finding]:
    """The placeholders of a simple command that its program would not treat as data."""
    count = 0
    for word in command.words:
        assignment = ASSIGNMENT.match(word.text)
        if assignment is None:
            break
        count += 1
        if assignment[0].rstrip("+=") in _STARTUP_VARIABLES:
            yield from _all([word], Hazard.STARTUP, assignment[0].rstrip("+="))
    yield from _called(command.words[count:])


def condition_findings(words: Sequence[Word]) -> Iterator[Finding]:
    """The same for the words of a `[[ ]]`."""
    for index, word in enumerate(words):
        before = words[index - 1].text if index else ""
        after = words[index + 1].text if index + 1 < len(words) else ""
        if before in _EXISTENCE:
            yield from _all([word], Hazard.NAMES, f"[[ {before}")
        elif before in _NUMERIC or after in _NUMERIC:
            yield from _all([word], Hazard.NUMERIC, f"[[ {before if before in _NUMERIC else after}")


def numeric_operands(words: Sequence[Word]) -> Iterator[Word]:
    """The words of a `[[ ]]` that bash evaluates as arithmetic."""
    for index, word in enumerate(words):
        if word.text in _NUMERIC:
            yield from words[max(0, index - 1) : index + 2]


@dataclass(frozen=True, slots=True)
class Declaration:
    """A variable that a command sets."""

    name: str
    options: str
    """The letters of `declare` and its like, and `a` for a list in parentheses."""
    by_builtin: bool
    """Whether `declare` or its like sets it."""
    places: tuple[Place, ...]


def declarations(command: Command) -> Iterator[Declaration]:
    """The variables that a command sets."""
    options = ""
    is_declaring = False
    for index, word in enumerate(command.words):
        name = _literal(word)
        if index == 0 and name in _DECLARING:
            is_declaring = True
        elif is_declaring and word.text.startswith("-"):
            options += word.text
        elif assignment := ASSIGNMENT.match(word.text):
            is_array = word.text[assignment.end() :].startswith("(")
            name = assignment[0].rstrip("+=").partition("[")[0]
            yield Declaration(name, options + "a" * is_array, is_declaring, tuple(word.places))
        elif is_declaring:
            yield Declaration(word.text, options, is_declaring, ())
        else:
            return


def _called(words: Sequence[Word]) -> Iterator[Finding]:
    if not words:
        return
    first, arguments = words[0], words[1:]
    if first.places:
        yield from _all([first], Hazard.PROGRAM, "")
        return
    name = _literal(first)
    if name in _ALWAYS:
        yield from _all(arguments, _ALWAYS[name], name)
    elif name == "trap":
        yield from _all(list(_operands(arguments))[:1], Hazard.EVALUATED, name)
    elif name in _LOADING:
        yield from _all(arguments[:1], Hazard.PROGRAM, "")
    elif name in _DECLARING:
        yield from _declaring(name, arguments)
    elif name in ("printf", "test", "["):
        yield from _option_values(name, arguments)
    elif name in _FORWARDERS:
        is_question = bool(arguments) and arguments[0].text in ("-v", "-V")
        yield from () if is_question else _called(list(_operands(arguments)))
    else:
        yield from _running(words)


def _declaring(name: str, arguments: Sequence[Word]) -> Iterator[Finding]:
    options = "".join(word.text for word in arguments if word.text.startswith("-"))
    for word in arguments:
        assignment = ASSIGNMENT.match(word.text)
        if assignment is None:
            yield from _all([word], Hazard.NAMES, name)
        elif assignment[0].rstrip("+=") in _STARTUP_VARIABLES:
            yield from _all([word], Hazard.STARTUP, assignment[0].rstrip("+="))
        elif "n" in options:
            yield from _all([word], Hazard.NAMES, f"{name} -n")
        elif "i" in options:
            yield from _all([word], Hazard.NUMERIC, f"{name} -i")
        elif set(options) & {"a", "A"} and not word.text[assignment.end() :].startswith("("):
            yield from _all([word], Hazard.DECLARED, name)


def _option_values(name: str, arguments: Sequence[Word]) -> Iterator[Finding]:
    """The values of the options of `printf` and `test` that take the name of a variable."""
    for before, word in itertools.pairwise(arguments):
        if before.text in _EXISTENCE:
            yield from _all([word], Hazard.NAMES, f"{name} {before.text}")


def _running(words: Sequence[Word]) -> Iterator[Finding]:
    """Shells and interpreters that are given program text, also behind programs that start others."""
    chosen = range(len(words)) if _literal(words[0]) in _WRAPPERS else range(1)
    for index in chosen:
        name = _literal(words[index])
        arguments = words[index + 1 :]
        is_variable = index == 0 and "$" in words[0].text
        if name in _SHELLS or is_variable or name in _SWITCHING:
            yield from _shell(words[index].text, arguments, is_known=name in _SHELLS)
        elif name == "ssh":
            yield from _all(list(_operands(arguments))[1:], Hazard.EVALUATED, name)
        elif interpreter := INTERPRETERS.get(_VERSION.sub("", name)) or INTERPRETERS.get(name):
            yield from _interpreter(name, interpreter, arguments)


def _shell(name: str, arguments: Sequence[Word], *, is_known: bool) -> Iterator[Finding]:
    """`sh -c TEXT ARGUMENTS`: only the text is program text; a known shell without -c takes a script's file first."""
    takes_text = skips = False
    for word in arguments:
        text = word.text
        if skips:
            skips = False
        elif text.startswith(("-", "+")) and not word.places:
            takes_text = takes_text or text == "--command" or (not text.startswith("--") and "c" in text)
            skips = text in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file")
        elif takes_text:
            yield from _all([word], Hazard.EVALUATED, f"{name} -c")
            return
        elif is_known:
            yield from _all([word], Hazard.PROGRAM, "")
            return


def _interpreter(name: str, interpreter: Interpreter, arguments: Sequence[Word]) -> Iterator[Finding]:
    operands: list[Word] = []
    has_flag = skips = is_text = False
    for word in arguments:
        text = word.text
        if is_text:
            yield from _all([word], Hazard.CODE, name, interpreter)
            is_text = False
        elif skips:
            skips = False
        elif text in interpreter.flags:
            is_text = has_flag = True
        elif text.partition("=")[0] in interpreter.flags and "=" in text:
            has_flag = True
            yield from _all([word], Hazard.CODE, name, interpreter)
        elif text in interpreter.options_with_value:
            skips = True
            has_flag = has_flag or text == "-f"
        elif not text.startswith("-"):
            operands.append(word)
    if interpreter.operand is not None and not has_flag:
        yield from _all(operands[interpreter.operand : interpreter.operand + 1], Hazard.CODE, name, interpreter)


def _operands(words: Sequence[Word]) -> Iterator[Word]:
    """The words from the first on that is no option."""
    rest = iter(words)
    for word in rest:
        if not word.text.startswith("-") or word.places:
            yield word
            break
    yield from rest


def _all(
    words: Sequence[Word], hazard: Hazard, command: str, interpreter: Interpreter | None = None
) -> Iterator[Finding]:
    for word in words:
        # What a command prints goes into the text that is run; elsewhere it is the command's business.
        places = [*word.places, *word.nested] if hazard is Hazard.EVALUATED else word.places
        for place in places:
            yield Finding(place, hazard, command, word, interpreter.reference if interpreter else "")


def _literal(word: Word) -> str:
    """The word without quotes and without a path, as a command's name."""
    return _UNQUOTED.sub("", word.text).rpartition("/")[2]
