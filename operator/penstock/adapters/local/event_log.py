"""What happened in a run, one line each, in a file beside its logs."""

from __future__ import annotations

import logging

from penstock.adapters.local.layout import DataDirectory
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.engine import Clock

log = logging.getLogger(__name__)


class EventLog:
    """Appends events to the run's file."""

    def __init__(self, directory: DataDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def emit(self, run: WorkflowRun, reason: str, message: str, *, warning: bool = False) -> None:
        """Say that something has happened; never raises."""
        kind = "Warning" if warning else "Normal"
        text = " ".join(message.splitlines())
        path = self._directory.events(run.metadata.uid)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{self._clock.now().isoformat(timespec='milliseconds')} {kind} {reason} {text}\n")
        except OSError as error:
            log.warning("cannot write %s: %s", path, error)
