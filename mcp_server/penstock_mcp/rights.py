"""Which Workflows a caller may run, for what is listed. Never a guard: the API server decides on each call itself."""

from __future__ import annotations

from collections.abc import Callable

from penstock.ports.access import Actor, Key
from penstock_mcp.backend import Backend
from penstock_mcp.expiring import Expiring

HOLD_SECONDS = 30.0
"""How long an answer is used; a new RoleBinding shows in the list after as long."""


class Rights:
    """Answers of the backend, kept for a short while by caller and by what was asked."""

    def __init__(self, backend: Backend, clock: Callable[[], float]) -> None:
        self._backend = backend
        self._known: Expiring[tuple[Actor | None, frozenset[Key]], frozenset[Key]] = Expiring(clock)

    async def runnable(self, identity: Actor | None, workflows: frozenset[Key]) -> frozenset[Key]:
        """Those of `workflows` that this caller may run. Raises Unavailable when nobody can say."""
        question = (identity, workflows)
        known = self._known.get(question)
        if known is None:
            known = frozenset(await self._backend.may_run(identity, workflows))
            self._known.put(question, known, HOLD_SECONDS)
        return known
