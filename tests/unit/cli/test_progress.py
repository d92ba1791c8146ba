"""Progress on a terminal: redrawn in place, out of the way of questions."""

from __future__ import annotations

from penstock.cli.progress import LineProgress, LiveProgress, progress_on
from penstock.cli.terminal import Terminal
from tests.unit.cli.samples import NOON, a_run
from tests.unit.cli.stage import Screen, Stage


def a_terminal(*, tty: bool) -> Terminal:
    return Terminal(Screen(tty=tty), Screen(tty=tty), Screen(tty=tty), lambda: False)


def test_a_terminal_is_redrawn_and_a_pipe_is_not():
    assert isinstance(progress_on(a_terminal(tty=True), None, lambda: NOON), LiveProgress)
    assert isinstance(progress_on(a_terminal(tty=False), None, lambda: NOON), LineProgress)


def test_the_last_state_stays_on_the_terminal():
    terminal = a_terminal(tty=True)
    live = LiveProgress(terminal, None, lambda: NOON)
    live.show(a_run(steps={"charge": {"phase": "Running"}}))
    live.show(a_run(steps={"charge": {"phase": "Succeeded"}}))
    live.close()
    assert "Succeeded" in terminal.stderr.getvalue().split("Running")[-1]


def test_nothing_is_drawn_over_a_question():
    terminal = a_terminal(tty=True)
    live = LiveProgress(terminal, None, lambda: NOON)
    live.show(a_run(steps={"charge": {"phase": "Running"}}))
    live.pause()
    before = terminal.stderr.getvalue()
    live.show(a_run(steps={"charge": {"phase": "Succeeded"}}))
    assert terminal.stderr.getvalue() == before
    live.resume()
    assert "Succeeded" in terminal.stderr.getvalue()
    live.close()


def test_without_colour_no_colour_is_drawn():
    terminal = a_terminal(tty=True)
    live = LiveProgress(terminal, None, lambda: NOON)
    live.show(a_run(steps={"charge": {"phase": "Failed"}}))
    live.close()
    assert "\x1b[31m" not in terminal.stderr.getvalue()


def test_lines_tell_each_change_once_and_each_new_attempt():
    terminal = Stage()
    lines = LineProgress(terminal, None, lambda: NOON)
    for status in (
        {"phase": "Running", "attempt": 1},
        {"phase": "Running", "attempt": 1, "message": "half"},
        {"phase": "Running", "attempt": 2},
    ):
        lines.show(a_run(steps={"charge": status}))
    assert terminal.said.splitlines() == ["charge Running", "charge Running: attempt 2"]
