"""explain."""

from __future__ import annotations

import json

from tests.unit.cli.samples import a_run, a_workflow, an_approval, waiting
from tests.unit.cli.stage import World

ERROR = {"code": "OOM_KILLED", "reason": "the step used more memory than its limit", "step": "charge"}


def a_failed_world() -> World:
    world = World()
    world.runs.put(a_run("Failed", steps={"charge": {"phase": "Failed", "attempt": 1, "error": ERROR}}, error=ERROR))
    world.workflows.put(a_workflow())
    world.logs.texts = {"charge": [b"x" * 5000, b"\nloading\n\x1b[2Jmore\n"]}
    return world


def test_a_failed_run_is_explained_with_its_last_lines_which_cannot_drive_the_terminal():
    world = a_failed_world()
    assert world.penstock("explain", "order-1") == 0
    assert world.terminal.printed.splitlines() == [
        "Run default/order-1 Failed",
        "The run failed: the step used more memory than its limit (OOM_KILLED).",
        "",
        "Step charge failed: the step used more memory than its limit (OOM_KILLED).",
        "  To do: Raise `resources.limits.memory` of the step, or have it work in smaller parts.",
        "  Last lines of its log:",
        "  | loading",
        "  | <U+001B>[2Jmore",
    ]


def test_the_explanation_for_programs_is_whole():
    world = a_failed_world()
    world.penstock("explain", "order-1", "-o", "json")
    shown = json.loads(world.terminal.printed)
    assert (shown["phase"], shown["points"][0]["code"]) == ("Failed", "OOM_KILLED")
    assert shown["points"][0]["log"] == ["loading", "\x1b[2Jmore"]


def test_a_gate_is_explained_with_its_approvers():
    world = World()
    world.runs.put(a_run("Waiting", steps={"release": waiting()}))
    world.approvals.put(an_approval())
    assert world.penstock("explain", "order-1") == 0
    assert "waits for approval order-1-release-0 by alice or group leads" in world.terminal.printed


def test_what_cannot_be_read_is_left_out():
    world = a_failed_world()
    world.logs.texts = {}
    world.workflows.items.clear()
    assert world.penstock("explain", "order-1") == 0
    assert "Last lines" not in world.terminal.printed


def test_a_run_that_is_not_there_is_not_explained():
    assert World().penstock("explain", "order-9") == 1
