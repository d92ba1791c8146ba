"""penstock doctor: what it says, and its exit code."""

from __future__ import annotations

import json

from penstock.application.diagnosis import fail, ok, warn
from tests.unit.cli.stage import World

FINE = ok("kinds", "All there.")
SO_SO = warn("clock", "12 s apart.", "Set the clock.")
BROKEN = fail("policies", "pods.penstock.dev is not bound.", "Install the chart.")


def test_what_is_wrong_is_followed_by_what_to_do():
    world = World(findings=[FINE, BROKEN])
    assert world.penstock("doctor") == 1
    assert world.terminal.printed.splitlines() == [
        "ok    kinds               All there.",
        "fail  policies            pods.penstock.dev is not bound.",
        "                          -> Install the chart.",
    ]
    assert "1 ok, 0 warnings, 1 failures." in world.terminal.said


def test_a_warning_is_no_failure():
    world = World(findings=[FINE, SO_SO])
    assert world.penstock("doctor", "--probe", "--installation", "flows") == 0
    assert world.looked_at == [(True, "flows", True)]


def test_programs_get_all_of_it():
    world = World(findings=[SO_SO, BROKEN])
    assert world.penstock("doctor", "-o", "json") == 1
    read = json.loads(world.terminal.printed)
    assert read["ok"] is False
    assert read["findings"][0] == {
        "what": "clock",
        "level": "warn",
        "message": "12 s apart.",
        "advice": "Set the clock.",
    }


def test_words_of_the_cluster_cannot_draw_on_the_terminal():
    world = World(findings=[fail("API server", "down\x1b[2J\nok    kinds", "Look.")])
    assert world.penstock("doctor") == 1
    assert "\x1b" not in world.terminal.printed
    assert len(world.terminal.printed.splitlines()) == 2
