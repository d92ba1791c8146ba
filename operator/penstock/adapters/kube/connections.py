"""Connections on a cluster: read when a step is to start, under the rights of whoever asks."""

from __future__ import annotations

import contextlib
from typing import Any

from pydantic import ValidationError

from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.object_lists import list_objects
from penstock.adapters.kube.resources import CONNECTIONS
from penstock.adapters.kube.status_patches import precondition, whole_status
from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.api.v1alpha1.unreadable import problems_of
from penstock.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from penstock.ports.access import Key

_TRIES = 5


class KubeConnections:
    """Connections of ports.engine, and the ConnectionBook of ports.access."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client

    async def find(self, key: Key) -> Connection | None:
        """The Connection as it is now; None where there is none. Raises Forbidden, InvalidInput, Unavailable."""
        try:
            return await self.get(key)
        except NotFound:
            return None

    async def get(self, key: Key) -> Connection:
        """One Connection. Raises NotFound, Forbidden, InvalidInput for one that cannot be read."""
        try:
            return await self._client.get(CONNECTIONS.path(key.namespace, key.name), Connection.model_validate_json)
        except ValidationError as error:
            raise InvalidInput(f"Connection {key} is not valid", problems=problems_of(error)) from error

    async def list(self, namespace: str | None) -> tuple[Connection, ...]:
        """The Connections of a namespace, by name; of all namespaces for None."""
        found = await list_objects(self._client, CONNECTIONS, namespace, Connection.model_validate_json)
        return tuple(sorted(found, key=lambda each: (each.metadata.namespace, each.metadata.name)))

    async def apply(self, connection: Connection) -> Connection:
        """Create the Connection, or replace its spec and labels."""
        key = Key(connection.metadata.namespace, connection.metadata.name)
        wire = connection.model_copy(update={"status": ConnectionStatus()}).to_wire()
        for _ in range(_TRIES):
            with contextlib.suppress(AlreadyExists):
                return await self._client.create(CONNECTIONS.path(key.namespace), wire, Connection.model_validate_json)
            with contextlib.suppress(NotFound):
                return await self._replace(key, connection, wire)
        raise Conflict(f"Connection {key} keeps coming and going")

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write what was found; admission takes that from the operator alone."""
        key = Key(connection.metadata.namespace, connection.metadata.name)
        operations = [precondition(connection.metadata.resource_version), *whole_status(status.to_wire())]
        path = CONNECTIONS.path(key.namespace, key.name, "status")
        return await self._client.json_patch(path, operations, Connection.model_validate_json)

    async def _replace(self, key: Key, connection: Connection, wire: dict[str, Any]) -> Connection:
        operations = [
            {"op": "add", "path": "/metadata/labels", "value": dict(connection.metadata.labels)},
            {"op": "add", "path": "/spec", "value": wire["spec"]},
        ]
        path = CONNECTIONS.path(key.namespace, key.name)
        return await self._client.json_patch(path, operations, Connection.model_validate_json)
