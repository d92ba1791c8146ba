"""Plays one task with one model, and judges what it left behind."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pydantic_ai import Agent
from pydantic_ai.exceptions import UsageLimitExceeded
from pydantic_ai.models import Model
from pydantic_ai.usage import UsageLimits

from evals.task import FOLDER, Solution, Task
from evals.toolset import Tools
from evals.world import World, world

ROOT = Path(__file__).resolve().parents[1]
MOST_REQUESTS = 25
"""Turns after which a model has lost its way."""

Choice = Callable[[Tools, Path], Model | str]
"""The model that plays, from the tools it has and the folder that the task is about."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a model did."""

    task: str
    problems: tuple[str, ...]
    """Empty where the task was solved."""
    calls: tuple[str, ...]
    """The tools that it called, in order."""
    tokens: int
    seconds: float
    words: str


async def play(task: Task, model: Choice, home: Path) -> Outcome:
    """One model at one task, in a new world. A failure of the provider's is raised as its client raises it."""
    async with world(home) as place:
        await prepare(task, place)
        return await attempt(task, model, place)


async def prepare(task: Task, place: World) -> None:
    """Put what the task begins with into an empty world."""
    await place.apply(*task.workflows)
    await task.prepare(place)


async def attempt(task: Task, model: Choice, place: World) -> Outcome:
    """One model at one task in a world that is prepared for it."""
    tools = Tools(place.client)
    agent = Agent(model(tools, place.folder), instructions=system_prompt(), toolsets=[tools])
    begun, tokens, words, lost = time.monotonic(), 0, "", []
    try:
        limits = UsageLimits(request_limit=MOST_REQUESTS)
        ran = await agent.run(task.goal.replace(FOLDER, str(place.folder)), usage_limits=limits)
        words, tokens = ran.output, ran.usage.total_tokens
    except UsageLimitExceeded as limit:
        lost = [str(limit)]
    seconds = time.monotonic() - begun
    solution = Solution(words, tuple(tools.calls), tuple(tools.answers))
    problems = (*lost, *await task.check(place, solution))
    return Outcome(task.name, problems, tuple(each.tool for each in tools.calls), tokens, seconds, words)


def system_prompt() -> str:
    """The prompt that the documentation gives to people who build agents: it is evaluated with the tools."""
    page = (ROOT / "docs" / "clients" / "system-prompt.md").read_text("utf-8")
    found = re.search(r"```text\n(.*?)```", page, re.DOTALL)
    assert found is not None, "docs/clients/system-prompt.md has no block of text"
    return found[1]
