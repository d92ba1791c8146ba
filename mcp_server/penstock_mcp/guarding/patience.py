"""How long a client may take to say what it wants: the stock server waits for ever for the rest of a request's head.

Leans on how uvicorn's own protocol keeps its keep-alive timer: it is set off with the connection here, and stopped only
by a whole head. tests/integration/mcp/test_door.py holds it to that.
"""

from __future__ import annotations

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS: Final = 10.0


class PatientProtocol(H11Protocol):
    """HTTP/1.1 whose patience has an end. httptools is no choice: it keeps white space around header values."""

    head_seconds = HEAD_SECONDS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        """A client is there."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.head_seconds, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Some of what the client sends; the timer goes on until it is a whole head."""
        self.conn.receive_data(data)
        self.handle_events()
