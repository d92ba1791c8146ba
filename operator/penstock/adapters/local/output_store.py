"""Outputs beside their runs, in the database; they go with the run."""

from __future__ import annotations

import json
from typing import Any

from penstock.adapters.local.database import Database
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import StoreOutput
from penstock.engine.digests import OUTPUT_SCHEME, digest_of
from penstock.engine.model import OutputRef
from penstock.errors import OutputLost


class LocalOutputs:
    """Outputs of ports.engine, and OutputReader of ports.access."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, run: WorkflowRun, command: StoreOutput) -> None:
        """Write the output unless it is there: its name stands for its content."""
        with self._database.transaction():
            self._database.rows(
                "insert_output", run_uid=run.metadata.uid, name=command.ref.name, body=command.text.decode()
            )

    async def load(self, run: WorkflowRun, ref: OutputRef) -> Any:
        """The output. Raises OutputLost where it is gone or is not what `ref` says."""
        row = self._database.row("find_output", run_uid=run.metadata.uid, name=ref.name)
        if row is None:
            raise OutputLost(f"it is not in the database any more under the name {ref.name}")
        if digest_of(OUTPUT_SCHEME, row[0].encode()) != ref.digest:
            raise OutputLost(f"what the database has under the name {ref.name} is not what was written there")
        return json.loads(row[0])
