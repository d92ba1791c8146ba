"""prune."""

from __future__ import annotations

import json

import pytest

from tests.unit.cli.samples import a_run, at
from tests.unit.cli.stage import Stage, World

DAY = 86_400


def a_world(**options) -> World:
    world = World(terminal=Stage(**options))
    for days, (name, phase) in enumerate([("newest", "Succeeded"), ("middle", "Failed"), ("oldest", "Succeeded")]):
        run = a_run(phase, name=name, finishedAt=at(-days * DAY - 60))
        world.runs.put(run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": name})}))
    world.runs.put(a_run("Running", name="running"))
    return world


def names(world: World) -> list[str]:
    return [key.name for key in world.runs.items]


ALL = ["newest", "middle", "oldest", "running"]


def test_what_is_old_goes_once_that_was_agreed_to():
    world = a_world(tty=True)
    world.terminal.typed.put_nowait("y")
    assert world.penstock("prune", "--older-than", "1d") == 0
    assert names(world) == ["newest", "running"]
    listed, _, asked = world.terminal.said.partition("Remove these 2 runs in namespace default for good?")
    assert [line.split()[0] for line in listed.splitlines()] == ["NAME", "oldest", "middle"]
    assert "2 runs were removed." in asked


@pytest.mark.parametrize("answer", ["", "n", "yes please", None])
def test_whatever_is_no_yes_leaves_everything(answer):
    world = a_world(tty=True)
    world.terminal.typed.put_nowait(answer)
    assert world.penstock("prune", "--older-than", "1d") == 0
    assert names(world) == ALL
    assert "No runs were removed." in world.terminal.said


def test_where_nobody_can_be_asked_it_takes_a_yes_beforehand():
    world = a_world()
    assert world.penstock("prune", "--older-than", "1d") == 2
    assert names(world) == ALL
    assert "--yes" in world.terminal.said
    assert world.penstock("prune", "--older-than", "1d", "--yes", "-o", "json") == 0
    assert json.loads(world.terminal.printed) == {"runs": ["default/oldest", "default/middle"]}
    assert names(world) == ["newest", "running"]


def test_a_dry_run_lists_and_removes_nothing():
    world = a_world()
    assert world.penstock("prune", "order", "--keep", "1", "--dry-run") == 0
    assert names(world) == ALL
    assert [line.split() for line in world.terminal.printed.splitlines()[1:]] == [
        ["oldest", "order", "Succeeded", "2d"],
        ["middle", "order", "Failed", "1d"],
    ]
    assert "2 runs would be removed." in world.terminal.said


def test_of_another_workflow_nothing_goes():
    world = a_world()
    assert world.penstock("prune", "report", "--older-than", "0s", "--yes") == 0
    assert names(world) == ALL
    assert "No runs were removed." in world.terminal.said


@pytest.mark.parametrize("arguments", [[], ["--yes"], ["order", "--yes"]])
def test_nothing_goes_by_default(arguments):
    world = a_world()
    assert world.penstock("prune", *arguments) == 2
    assert names(world) == ALL
    assert "--older-than 7d" in world.terminal.said


def test_a_time_that_is_none_is_told():
    world = a_world()
    assert world.penstock("prune", "--older-than", "a week", "--yes") == 2
    assert "--older-than: `a week` is not a duration" in world.terminal.said


def test_who_may_not_delete_is_told():
    world = a_world()
    world.runs.refuse = "bob cannot delete runs"
    assert world.penstock("prune", "--older-than", "0s", "--yes") == 1
    assert "bob cannot delete runs" in world.terminal.said
    assert names(world) == ALL
