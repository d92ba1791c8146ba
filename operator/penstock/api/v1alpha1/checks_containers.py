"""Checks of `container` steps: what stands in front of a gate, and where values may go."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.api.v1alpha1.container import Container
from penstock.api.v1alpha1.subject import Placed, Subject
from penstock.errors import Problem

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "ksh", "fish"})
INTERPRETERS = {
    "python": "-c",
    "python3": "-c",
    "node": "-e",
    "perl": "-e",
    "ruby": "-e",
    "php": "-r",
    "pwsh": "-Command",
}
"""Programs that take a program as an argument, and the option that comes before it."""


def check_containers(subject: Subject) -> Iterator[Problem]:
    """Every problem of every `container` step."""
    for placed in subject.steps:
        if placed.step.container is not None:
            yield from _gated(placed, placed.step.container)
            yield from _command(placed, placed.step.container)
            yield from _code(placed, placed.step.container)


def _gated(placed: Placed, container: Container) -> Iterator[Problem]:
    if placed.step.requires_approval is not None and "@sha256:" not in container.image:
        yield Problem(
            f"{placed.path}.container.image",
            f"`{container.image}` may be another image tomorrow, so nobody can say what an approval would allow.",
            "Write the image by its digest: `registry.example/tool@sha256:…`.",
        )


def _command(placed: Placed, container: Container) -> Iterator[Problem]:
    for index, word in enumerate(container.command):
        if "{{" in word:
            yield Problem(
                f"{placed.path}.container.command[{index}]",
                "`command` says which program runs; no value of a run may choose that.",
                "Put the value into `args` or `env`.",
            )


def _code(placed: Placed, container: Container) -> Iterator[Problem]:
    """A value within a program's text would be read as a part of the program."""
    words = [*container.command, *container.args]
    for index, word in enumerate(words):
        place = index - len(container.command)
        if place >= 0 and "{{" in word and _is_code(words, index):
            yield Problem(
                f"{placed.path}.container.args[{place}]",
                "This argument is a program, and a value put into it would be read as a part of that program.",
                f"{_instead(words)} or use a variable of `env`.",
            )


def _is_code(words: list[str], index: int) -> bool:
    program = words[0].rpartition("/")[2]
    before = words[index - 1] if index else ""
    if program in SHELLS:
        # `-c`, also among others as in `-ec`: the next word is the program.
        return before.startswith("-") and not before.startswith("--") and before.endswith("c")
    return before == INTERPRETERS.get(program)


def _instead(words: list[str]) -> str:
    if words[0].rpartition("/")[2] in SHELLS:
        return 'Give the value as an argument of its own: `["echo \\"$1\\"", "sh", "{{ context.name }}"]`,'
    return "Give the value as an argument of its own after this one,"
