"""Waiting until somebody wrote to the database: at once for this process, within a poll for others."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from penstock.adapters.local.database import Database

POLL_SECONDS = 0.02
"""How often other processes' writes are looked for; a look takes some ten microseconds."""

Mark = tuple[int, int]
"""A moment in the life of the database."""


class Changes:
    """Tells when the database changed after a moment that the caller noted before it read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wake = asyncio.Event()
        database.on_commit(self._announce)

    def mark(self) -> Mark:
        """The present moment. Note it first, then read: what is written in between is not missed."""
        return self._database.mark

    async def after(self, mark: Mark) -> None:
        """Return once anybody has written after `mark`."""
        while self._database.mark == mark:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self._wake.wait()

    def _announce(self) -> None:
        self._wake.set()
        self._wake = asyncio.Event()
