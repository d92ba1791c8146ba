"""Connections in the database."""

from __future__ import annotations

from collections.abc import Callable

from penstock.adapters.local.database import Database
from penstock.adapters.local.names import check_name
from penstock.adapters.local.objects import ObjectTable, Place
from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.ports.access import Key
from penstock.ports.engine import Clock


class LocalConnections:
    """Reading and writing Connections; for people and for the reconcile loop."""

    def __init__(self, database: Database, clock: Clock, new_uid: Callable[[], str]) -> None:
        self._table = ObjectTable(database, Connection, lambda _: Place(), clock, new_uid)
        self._database = database

    async def find(self, key: Key) -> Connection | None:
        """The Connection as it is now; None where there is none."""
        return self._table.find(key)

    async def get(self, key: Key) -> Connection:
        """One Connection. Raises NotFound."""
        return self._table.get(key)

    async def list(self, namespace: str | None) -> tuple[Connection, ...]:
        """The Connections of a namespace, by name; of all namespaces for None."""
        return self._table.list_readable("list_objects_by_name", namespace=namespace)

    async def apply(self, connection: Connection) -> Connection:
        """Create the Connection or replace its spec and labels; one that is as it should be is not written."""
        metadata = connection.metadata
        check_name(metadata.name)
        with self._database.transaction():
            stored = self._table.find(Key(metadata.namespace, metadata.name))
            if stored is None:
                return self._table.insert(connection.model_copy(update={"status": ConnectionStatus()}))
            same_spec = stored.spec == connection.spec
            if same_spec and stored.metadata.labels == metadata.labels:
                return stored
            labelled = stored.metadata.model_copy(update={"labels": metadata.labels})
            changed = stored.model_copy(update={"spec": connection.spec, "metadata": labelled})
            return self._table.replace(changed, new_spec=not same_spec)

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write what was found. Raises Conflict where somebody wrote since, NotFound."""
        return self._table.replace(connection.model_copy(update={"status": status}))
