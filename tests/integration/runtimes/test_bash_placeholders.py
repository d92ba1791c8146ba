"""Bound scripts and corrected lines, as real bash takes them: none of them runs a value."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from penstock.engine.placeholders import PlaceholderProblem, bind
from tests.integration.runtimes.conftest import SECONDS
from tests.unit.engine.placeholders.bash_cases import BOUND, REFUSED

HAZARDS = [
    "$(touch canary)",
    "a[$(touch canary)]",
    "a[$(touch canary)]=1",
    "([0]=$(touch canary))",
    "'\"; touch canary #",
]


def run_with_hazards(source: str, folder: Path) -> None:
    """Run a bound script once with each hazard; whatever becomes of it, no value may run."""
    for value in HAZARDS:
        prelude = "fail() { exit 1; }\n"
        environment = {"PATH": os.defpath, "CTX_x": value, "CTX_y": value}
        subprocess.run(
            ["bash", "-c", prelude + source],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        assert not list(folder.rglob("canary")), value


def syntax_error(source: str) -> str:
    done = subprocess.run(["bash", "-n"], input=source, capture_output=True, text=True, timeout=SECONDS, check=False)
    return done.stderr


@pytest.mark.parametrize(("source", "want"), BOUND.values(), ids=BOUND.keys())
def test_a_bound_script_is_bash_and_runs_no_value(source: str, want: str, tmp_path: Path):
    assert syntax_error(want) == ""
    run_with_hazards(want, tmp_path)


CORRECTED = {name: source for name, (source, _, want) in REFUSED.items() if want}


@pytest.mark.parametrize("source", CORRECTED.values(), ids=CORRECTED.keys())
def test_a_corrected_script_is_bash_and_runs_no_value(source: str, tmp_path: Path):
    """What a person does who follows the message."""
    (problem,) = bind("bash", source, None).problems
    corrected = with_suggestion(source, problem)
    binding = bind("bash", corrected, None)

    if "choose the program" not in problem.message:
        assert binding.problems == ()
    assert syntax_error(binding.source) == ""
    run_with_hazards(binding.source, tmp_path)


def with_suggestion(source: str, problem: PlaceholderProblem) -> str:
    if "here-document" in problem.message:
        return problem.suggestion + "\n"
    lines = source.splitlines()
    return "\n".join([*lines[: problem.line - 1], problem.suggestion, *lines[problem.line :]]) + "\n"


@pytest.mark.parametrize("seed", range(4))
def test_no_script_that_is_bound_runs_a_value(seed: int, tmp_path: Path):
    """Scripts put together by chance, many of them with a stray character."""
    writer = Writer(random.Random(seed))
    bound = 0
    while bound < 12:
        binding = bind("bash", writer.script(), None)
        if binding.used and not binding.problems:
            bound += 1
            run_with_hazards(binding.source, tmp_path)


class Writer:
    """Writes bash at random, with placeholders in all kinds of places."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def script(self) -> str:
        """A few lines; in one of four a stray character."""
        text = "\n".join(self._commands(3) for _ in range(self._chance.randint(1, 3))) + "\n"
        if self._chance.random() < 0.25:
            at = self._chance.randrange(len(text))
            text = text[:at] + self._chance.choice("'\"`\\()}$#\n ") + text[at:]
        return text

    def _one(self, *texts: str) -> str:
        return self._chance.choice(texts)

    def _placeholder(self) -> str:
        return self._one("{{context_x}}", "{{ context_y }}")

    def _word(self, depth: int) -> str:
        return "".join(self._piece(depth) for _ in range(self._chance.randint(1, 3)))

    def _piece(self, depth: int) -> str:
        plain = self._one("a", "-n", "*", "~", "x=1", "a#b", "é", "]]", "$x", "$$")
        simple = [self._placeholder(), self._placeholder(), plain]
        if depth <= 0:
            return self._one(*simple)
        return self._one(
            *simple,
            "'" + self._one("a b", "$x", '"', "`", "#") + "'",
            '"' + "".join(self._in_double(depth - 1) for _ in range(self._chance.randint(0, 3))) + '"',
            "$(" + self._commands(depth - 1) + ")",
            "${x" + self._one("", ":-" + self._word(depth - 1), "[0]", "#a", ":1") + "}",
            "$((" + self._one("1+2", "(1)+x") + "))",
            "$'" + self._one("a\\n", "\\'", "\\x41") + "'",
            "<(" + self._commands(depth - 1) + ")",
            "\\" + self._one("a", "'", '"', "`", "\n"),
        )

    def _in_double(self, depth: int) -> str:
        simple = [self._placeholder(), self._one("a b", "'", '\\"', "\\$x", "\n", "#", "(", ")", "$x")]
        if depth <= 0:
            return self._one(*simple)
        return self._one(*simple, "$(" + self._commands(depth - 1) + ")", "${x:-" + self._placeholder() + "}")

    def _commands(self, depth: int) -> str:
        return self._one(";", "\n", " && ", " | ", " || ").join(
            self._command(depth) for _ in range(self._chance.randint(1, 2))
        )

    def _command(self, depth: int) -> str:
        plain = self._one("echo", "printf '%s\\n'", ":", "true") + "".join(
            " " + self._word(depth - 1) for _ in range(self._chance.randint(0, 3))
        )
        if depth <= 0:
            return plain
        inner, word = self._commands(depth - 1), self._word(depth - 1)
        return self._one(
            plain,
            plain,
            f"v{self._one('=', '+=')}{word}",
            f"arr=({word} {self._word(depth - 1)})",
            f"for i in {word}; do {inner}; done",
            f"case {word} in {self._one('', '(')}{self._word(depth - 1)}) {inner} ;; *) :; esac",
            f"if [ {word} = {self._word(depth - 1)} ]; then {inner}; fi",
            f"[[ {word} {self._one('==', '-gt', '=~', '<')} {self._word(depth - 1)} ]]",
            f"({inner})",
            f"{{ {inner}; }}",
            f"cat <<{self._one('E', '-E')}{self._one('', ' | cat', f'; echo {word}')}\n{self._in_double(1)}\nE\n",
            f"(( {self._one('x=1', 'x > 1', '(1)+2')} ))",
            f"cat <<< {word}",
            f"echo {word} {self._one('> /dev/null', '2>&1', '2>/dev/null >&2')}",
            f"{self._one('declare', 'export', 'declare -a', 'declare -i')} v={word}",
            f"{self._one('eval', 'trap', 'let', 'read', 'bash -c', 'test -v', 'unset')} {word}",
            f"echo {word} # {self._placeholder()}" + self._one("(", ")", "`", "'", '"'),
        )
