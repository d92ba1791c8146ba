"""Where API keys are kept: their hashes and what they may do, never the keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class KeyRecords(Protocol):
    """Records by the id of their key, under the rights of whoever asks."""

    async def read(self) -> Mapping[str, bytes]:
        """All records; none where nobody ever made a key. Raises Forbidden, Unavailable."""

    async def put(self, identifier: str, record: bytes) -> None:
        """Keep a record. Raises Forbidden, Unavailable."""

    async def remove(self, identifier: str) -> None:
        """Forget a record. Raises NotFound, Forbidden, Unavailable."""
