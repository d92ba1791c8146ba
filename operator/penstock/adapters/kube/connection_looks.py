"""Connections as the operator sees them, and the runs by which it looks at them."""

from __future__ import annotations

from typing import Any

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.connections import KubeConnections
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.outputs import KubeOutputs
from penstock.adapters.kube.run_ledger import RunLedger
from penstock.api.v1alpha1.codec import output_ref
from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.errors import Conflict, NotFound, OutputLost, Unavailable
from penstock.ports.access import Key


class KubeConnectionLedger:
    """ConnectionLedger of ports.connections. `connections` is fed from outside with watch events."""

    def __init__(self, client: KubeClient, connections: Copies[Connection]) -> None:
        self._book = KubeConnections(client)
        self._connections = connections

    async def load(self, key: Key) -> Connection | None:
        """The newest copy known; None where there is none, or one that nobody can read."""
        if self._connections.unreadable(key) is not None:
            return None
        return await self._connections.load(key)

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write the status in one request. Raises Conflict, NotFound, Unavailable."""
        key = Key(connection.metadata.namespace, connection.metadata.name)
        try:
            written = await self._book.save_status(connection, status)
        except NotFound:
            self._connections.forget(key)
            raise
        except (Conflict, Unavailable):
            self._connections.doubt(key)
            raise
        return self._connections.take(written)


class KubeLookRuns:
    """LookRuns of ports.connections."""

    def __init__(self, runs: Copies[WorkflowRun], ledger: RunLedger, outputs: KubeOutputs) -> None:
        self._runs = runs
        self._ledger = ledger
        self._outputs = outputs

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run as it is; False where it is there."""
        return await self._ledger.create(run)

    async def load(self, key: Key) -> WorkflowRun | None:
        """From memory, else from the server."""
        return None if self._runs.unreadable(key) is not None else await self._runs.load(key)

    async def found(self, run: WorkflowRun) -> Any:
        """The run's output, from beside it where it is large."""
        ref = output_ref(run.status.output_ref)
        if ref is None:
            return run.status.output
        try:
            return await self._outputs.load(run, ref)
        except OutputLost:
            return None
