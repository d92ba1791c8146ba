"""How a run is getting on, while it does: redrawn in place on a terminal, one line for each change elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.cli.terminal import Terminal
from penstock.cli.views.runs import STYLES, StepRow, change_line, step_lines, step_rows
from penstock.engine.model import StepPhase

if TYPE_CHECKING:
    from rich.live import Live
    from rich.text import Text


class Progress(Protocol):
    """Shows a run as it changes."""

    def show(self, run: WorkflowRun) -> None:
        """The run as it is now."""

    def pause(self) -> None:
        """Leave the terminal to somebody else."""

    def resume(self) -> None:
        """Take it back."""

    def close(self) -> None:
        """Nothing more will come."""


class LineProgress:
    """One line for each step that changes its phase."""

    def __init__(self, terminal: Terminal, spec: WorkflowSpec | None, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._spec = spec
        self._now = now
        self._seen: dict[str, tuple[str, int]] = {}

    def show(self, run: WorkflowRun) -> None:
        """A line for each step whose phase or attempt differs from what was shown."""
        for row in step_rows(run, self._spec, self._now()):
            status = run.status.steps.get(row.name)
            now_at = (row.phase, status.attempt if status else 0)
            if row.phase != StepPhase.PENDING and self._seen.get(row.name) != now_at:
                self._terminal.say(change_line(row), STYLES.get(row.phase, ""))
            self._seen[row.name] = now_at

    def pause(self) -> None:
        """Nothing to do: lines are never redrawn."""

    def resume(self) -> None:
        """Nothing to do."""

    def close(self) -> None:
        """Nothing to do."""


class LiveProgress:
    """The list of steps, redrawn a few times a second."""

    def __init__(self, terminal: Terminal, spec: WorkflowSpec | None, now: Callable[[], datetime]) -> None:
        self._terminal = terminal
        self._spec = spec
        self._now = now
        self._run: WorkflowRun | None = None
        self._live: Live | None = None
        self._paused = False

    def show(self, run: WorkflowRun) -> None:
        """The steps as they are now."""
        self._run = run
        if self._live is not None:
            self._live.refresh()
        elif not self._paused:
            self._start()

    def pause(self) -> None:
        """Take the list off the terminal."""
        self._paused = True
        if self._live is not None:
            self._live.transient = True
            self._live.stop()
            self._live = None

    def resume(self) -> None:
        """Draw the list again."""
        self._paused = False
        if self._run is not None:
            self._start()

    def close(self) -> None:
        """Leave the last state on the terminal."""
        self._paused = True
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _start(self) -> None:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=self._terminal.stderr, no_color=not self._terminal.colour_allowed(), highlight=False)
        self._live = Live(get_renderable=self._drawn, console=console, refresh_per_second=4)
        self._live.start(refresh=True)

    def _drawn(self) -> Text:
        from rich.text import Text

        rows = step_rows(self._run, self._spec, self._now()) if self._run is not None else ()
        text = Text(no_wrap=True, overflow="ellipsis")
        for row, line in zip(rows, self._lines(rows), strict=True):
            text.append(f"{line}\n", style=STYLES.get(row.phase, "") or None)
        text.rstrip()
        return text

    def _lines(self, rows: tuple[StepRow, ...]) -> tuple[str, ...]:
        return step_lines(rows, ascii_only=self._terminal.ascii_only)


def progress_on(terminal: Terminal, spec: WorkflowSpec | None, now: Callable[[], datetime]) -> Progress:
    """The way of showing progress that suits the terminal."""
    kind = LiveProgress if terminal.can_redraw else LineProgress
    return kind(terminal, spec, now)
