"""Connections in memory, for people and for the reconcile loop."""

from __future__ import annotations

from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.ports.access import Key
from penstock.testing.memory_table import MemoryTable


class MemoryConnections:
    """Reading and writing Connections."""

    def __init__(self, table: MemoryTable[Connection]) -> None:
        self._table = table

    async def find(self, key: Key) -> Connection | None:
        """The Connection as it is now."""
        return self._table.find(key)

    async def get(self, key: Key) -> Connection:
        """One Connection. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[Connection, ...]:
        """By name."""
        return tuple(
            sorted(self._table.all(namespace), key=lambda found: (found.metadata.namespace, found.metadata.name))
        )

    async def apply(self, connection: Connection) -> Connection:
        """Create or replace spec and labels."""
        stored = self._table.find(Key(connection.metadata.namespace, connection.metadata.name))
        if stored is None:
            return self._table.insert(connection.model_copy(update={"status": ConnectionStatus()}))
        labels = connection.metadata.labels
        if (stored.spec, stored.metadata.labels) == (connection.spec, labels):
            return stored
        metadata = stored.metadata.model_copy(update={"labels": labels})
        changed = stored.model_copy(update={"spec": connection.spec, "metadata": metadata})
        return self._table.replace(changed, new_spec=stored.spec != connection.spec)

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write what was found. Raises Conflict where somebody wrote since, NotFound."""
        return self._table.replace(connection.model_copy(update={"status": status}))
