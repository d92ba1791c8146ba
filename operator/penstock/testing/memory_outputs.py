"""Outputs that are kept beside their runs, in memory."""

from __future__ import annotations

import json
from typing import Any

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, digest_of
from penstock.engine.model import OutputRef
from penstock.errors import AlreadyExists, OutputLost


class MemoryOutputs:
    """Keeps what it is given; a test may take it away or alter it."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], bytes] = {}
        """By the run's UID and the output's name."""
        self.writes: list[str] = []
        """Names of the outputs that were written, in order."""

    async def store(self, run: WorkflowRun, command: StoreOutput) -> None:
        """Keep it, once."""
        key = (run.metadata.uid, command.ref.name)
        if self.texts.setdefault(key, command.text) != command.text:
            raise AlreadyExists(f"output {command.ref.name} is there and holds something else")
        if command.ref.name not in self.writes:
            self.writes.append(command.ref.name)

    async def load(self, run: WorkflowRun, ref: OutputRef) -> Any:
        """What was kept. Raises OutputLost."""
        text = self.texts.get((run.metadata.uid, ref.name))
        if text is None:
            raise OutputLost(f"output {ref.name} is gone")
        if digest_of(OUTPUT_SCHEME, text) != ref.digest:
            raise OutputLost(f"output {ref.name} was altered")
        return json.loads(text)
