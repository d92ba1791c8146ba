"""API keys, checked against the hashes that the installation keeps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from fastmcp.server.auth import AccessToken

from penstock.application.api_keys import PREFIX, ApiKey, find_key, readable
from penstock_mcp.signin.proof import Proof, ProvedBy, as_token

log = logging.getLogger(__name__)

FRESH_SECONDS = 5.0
"""A key that was revoked still opens for as long; a new one opens after as long."""
STALE_SECONDS = 30.0
"""While the hashes cannot be read, the last ones are believed for as long; afterwards no key opens."""
_READ_SECONDS = 5.0


class ApiKeyVerifier:
    """Accepts the keys whose hashes are kept and that have not expired."""

    def __init__(
        self,
        read: Callable[[], Awaitable[Mapping[str, bytes]]],
        clock: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._read = read
        self._clock = clock
        self._now = now
        self._keys: dict[str, ApiKey] = {}
        self._read_at = float("-inf")
        self._tried_at = float("-inf")
        self._one_at_a_time = asyncio.Lock()

    @staticmethod
    def looks_like_one(credential: str) -> bool:
        """It begins as our keys do."""
        return credential.startswith(PREFIX)

    async def verify(self, credential: str) -> AccessToken | None:
        """Whom the key acts for, or None. Never raises."""
        key = find_key(credential, await self._current())
        if key is None or not key.holds(self._now()):
            return None
        expires = int(key.expires_at.timestamp())
        proof = Proof(ProvedBy.API_KEY, key.owner, key.client, key.groups, key.scopes, expires_at=expires)
        return as_token(proof, credential)

    async def _current(self) -> Mapping[str, ApiKey]:
        async with self._one_at_a_time:
            if self._clock() - self._tried_at > FRESH_SECONDS:
                self._tried_at = self._clock()
                await self._refresh()
        return self._keys if self._clock() - self._read_at <= STALE_SECONDS else {}

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(_READ_SECONDS):
                self._keys, broken = readable(await self._read())
        except Exception as error:  # noqa: BLE001 - no key opens anything once the last ones are too old
            log.warning("the API keys cannot be read now: %s", type(error).__name__)
            return
        self._read_at = self._clock()
        for identifier in broken:
            log.warning("the stored API key %s cannot be read and opens nothing", identifier)
