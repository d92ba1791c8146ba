"""What happened in a run, one line each, in a file beside its logs; and what a Workflow did by itself."""

from __future__ import annotations

import logging

from penstock.adapters.local.layout import DataDirectory
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.ports.engine import Clock

log = logging.getLogger(__name__)


class EventLog:
    """Appends events to the file of their run or Workflow."""

    def __init__(self, directory: DataDirectory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def emit(self, about: WorkflowRun | Workflow, reason: str, message: str, *, warning: bool = False) -> None:
        """Say that something has happened; never raises."""
        kind = "Warning" if warning else "Normal"
        text = " ".join(message.splitlines())
        uid = about.metadata.uid
        path = self._directory.events(uid) if isinstance(about, WorkflowRun) else self._directory.workflow_events(uid)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(f"{self._clock.now().isoformat(timespec='milliseconds')} {kind} {reason} {text}\n")
        except OSError as error:
            log.warning("cannot write %s: %s", path, error)
