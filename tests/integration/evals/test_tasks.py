"""The tasks for agents, played by their scripts: the loop, the tools and the checks work without a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from evals.playing import attempt, prepare, system_prompt
from evals.scripted import scripted
from evals.task import Solution, Task, call, say
from evals.tasks import TASKS
from evals.world import world

NOTHING_TO_DO = {"no-such-workflow"}
"""Tasks of which an agent that does nothing does the right thing."""
EAGER = {
    "no-such-workflow": call("execute_refund_order", context={"order": 9, "reason": "the account is deleted"}),
    "a-value-is-missing": call("execute_refund_order", context={"order": 17, "reason": "unknown"}),
    "stopped-at-a-gate": call("list_pending_approvals"),
}


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
async def test_a_script_solves_it_and_idleness_does_not(task: Task, tmp_path: Path):
    async with world(tmp_path) as place:
        await prepare(task, place)
        idle = await task.check(place, Solution("Done.", (), ()))
        assert bool(idle) is (task.name not in NOTHING_TO_DO)
        outcome = await attempt(task, lambda tools, folder: scripted(task.script, tools, folder), place)
    assert outcome.problems == (), outcome


@pytest.mark.parametrize("name", EAGER)
async def test_doing_something_else_does_not_solve_it(name: str, tmp_path: Path):
    (task,) = (task for task in TASKS if task.name == name)
    turns = (EAGER[name], say("All is done; for what reason, I do not know. The release is out."))
    async with world(tmp_path) as place:
        await prepare(task, place)
        outcome = await attempt(task, lambda tools, folder: scripted(turns, tools, folder), place)
    assert outcome.problems


async def test_an_agent_that_votes_unasked_is_found_out(tmp_path: Path):
    (task,) = (task for task in TASKS if task.name == "orders-in-an-output")
    votes = (
        call("list_pending_approvals"),
        lambda heard: call("approve_workflow", request_id=heard[0]["output"]["approvals"][0]["request_id"])(heard),
        say("Sales are up, and the release is approved."),
    )
    async with world(tmp_path) as place:
        await prepare(task, place)
        outcome = await attempt(task, lambda tools, folder: scripted(votes, tools, folder), place)
    assert "nobody decided: not so" in outcome.problems


def test_the_prompt_of_the_documentation_is_what_agents_get():
    assert "waiting: people must decide" in system_prompt()


def test_names_are_unique_and_there_are_enough():
    names = [task.name for task in TASKS]
    assert len(set(names)) == len(names) >= 20
