"""What is needed to look at Connections: the Connections with their status, and runs that look."""

from __future__ import annotations

from typing import Any, Protocol

from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key


class ConnectionLedger(Protocol):
    """The Connections; their status says what was found when they were last looked at."""

    async def load(self, key: Key) -> Connection | None:
        """The newest copy known, from memory where possible; None when there is no such Connection."""

    async def save_status(self, connection: Connection, status: ConnectionStatus) -> Connection:
        """Write the status if nobody wrote since `connection` was read. Raises Conflict otherwise, NotFound."""


class LookRuns(Protocol):
    """Runs that look at a Connection."""

    async def create(self, run: WorkflowRun) -> bool:
        """Create a run with everything that it says; False where one of its name is there already.

        Raises Forbidden, InvalidInput where the run is refused.
        """

    async def load(self, key: Key) -> WorkflowRun | None:
        """The newest copy known; None when there is no such run."""

    async def found(self, run: WorkflowRun) -> Any:
        """What a run that succeeded gave back; None where it is lost."""
