"""What a task is: what a person asks for, what was there before, what must be there afterwards."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evals.world import World

FOLDER = "{folder}"


class Call(NamedTuple):
    """One call of a tool."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Solution:
    """What an agent did with a task."""

    words: str
    """Its last words to the person."""
    calls: tuple[Call, ...]
    answers: tuple[dict[str, Any], ...]
    """What each call came to."""

    def called(self, *tools: str) -> int:
        """How often one of these tools was called."""
        return sum(call.tool in tools for call in self.calls)

    def says(self, *words: str) -> list[str]:
        """What is missing in the last words, whatever their case."""
        return [f"the answer does not say `{word}`" for word in words if word.lower() not in self.words.lower()]


Turn = Callable[[Sequence[dict[str, Any]]], Call | str]
"""The next call, or the last words, from the answers so far."""
Check = Callable[[World, Solution], Awaitable[list[str]]]
"""What is wrong with what is there now; nothing where the task is solved."""


async def nothing(_world: World) -> None:
    """Nothing has to be prepared."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task; its name says what an agent has to be able to do."""

    name: str
    goal: str
    """What the person says; `{folder}` stands for a folder of the world, here and in the script's calls."""
    check: Check
    script: tuple[Turn, ...]
    """What a good agent does: proves the task, its check and the loop without a model."""
    workflows: tuple[dict[str, Any], ...] = ()
    prepare: Callable[[World], Awaitable[None]] = nothing


def call(tool: str, **arguments: Any) -> Turn:
    """A turn that calls a tool, whatever was answered before."""
    return lambda _answers: Call(tool, arguments)


def follow(tool: str, **arguments: Any) -> Turn:
    """A turn that calls a tool with parts of earlier answers: `{0[run]}` is the run of the first one."""

    def turn(answers: Sequence[dict[str, Any]]) -> Call:
        filled = {name: v.format(*answers) if isinstance(v, str) else v for name, v in arguments.items()}
        return Call(tool, filled)

    return turn


def say(words: str) -> Turn:
    """A turn that ends with these words; `{0[output]}` is a part of the first answer, `{1…}` of the second."""
    return lambda answers: words.format(*answers)


def wrong(**claims: bool) -> list[str]:
    """The names of claims that do not hold, as sentences."""
    return [name.replace("_", " ") + ": not so" for name, holds in claims.items() if not holds]
