"""Records in one Secret, one entry each, so that the right to read them can be given by the Secret's name."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import msgspec

from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.resources import SECRETS
from penstock.errors import AlreadyExists, NotFound
from penstock.ports.access import Key


class _Secret(msgspec.Struct):
    data: dict[str, str] | None = None


_decode = msgspec.json.Decoder(_Secret).decode


class SecretRecords:
    """KeyRecords of ports.key_records."""

    def __init__(self, client: KubeClient, secret: Key) -> None:
        self._client = client
        self._secret = secret
        self._path = SECRETS.path(secret.namespace, secret.name)

    async def read(self) -> Mapping[str, bytes]:
        """All records."""
        try:
            found = await self._client.get(self._path, _decode)
        except NotFound:
            return {}
        return {name: base64.b64decode(text) for name, text in (found.data or {}).items()}

    async def put(self, identifier: str, record: bytes) -> None:
        """Keep a record; the Secret is made with the first one."""
        data = {identifier: base64.b64encode(record).decode()}
        try:
            await self._client.merge_patch(self._path, {"data": data}, as_dict)
        except NotFound:
            await self._create(data)

    async def remove(self, identifier: str) -> None:
        """Forget a record. Raises NotFound."""
        if identifier not in await self.read():
            raise NotFound(f"there is no API key {identifier}", hint="See `penstock apikey list`.")
        await self._client.merge_patch(self._path, {"data": {identifier: None}}, as_dict)

    async def _create(self, data: Mapping[str, str]) -> None:
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": self._secret.name, "labels": {"app.kubernetes.io/name": "penstock"}},
            "data": dict(data),
        }
        try:
            await self._client.create(SECRETS.path(self._secret.namespace), secret, as_dict)
        except AlreadyExists:
            await self._client.merge_patch(self._path, {"data": dict(data)}, as_dict)
