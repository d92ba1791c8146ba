"""Looks at Connections. One pass over one Connection: say what the last look found, start the next where it is time.

A look is a run of one `discover` step, so it has the Connection's Secret by the kubelet, the network of a step and the
bounds of any other run; whoever looks after Connections reads no Secret and calls nobody. Few looks are under way at
once, and none holds up a run of somebody else.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from penstock.api.v1alpha1.connection import Connection, ConnectionStatus
from penstock.api.v1alpha1.looks import LOOK_LABEL, LOOKER, found_status, is_look, look_run, untrusted_status
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.errors import UserError
from penstock.ports.access import Key
from penstock.ports.connections import ConnectionLedger, LookRuns
from penstock.ports.engine import Clock

AT_ONCE = 8
"""Looks under way in the whole installation."""
OF_A_NAMESPACE = 1
"""Looks under way in one namespace, so that no tenant takes the others' places."""
AGAIN = timedelta(minutes=5)
"""How soon a Connection is looked at again that did not answer, where that is sooner than every other time."""
_IN_LINE = timedelta(seconds=5)
_GIVEN_UP = timedelta(minutes=15)
"""The end of a look is told; this is for one whose end nobody heard of."""
_WITHOUT_DISCOVERY = ("llm",)
"""Types of Connections that say nothing of themselves."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Observatory:
    """The ports that looks work with."""

    connections: ConnectionLedger
    runs: LookRuns
    clock: Clock


class ConnectionLooks:
    """Looks at each Connection once its spec has changed and `every` so often after that; never where it is None."""

    def __init__(self, observatory: Observatory, every: timedelta | None) -> None:
        self._at = observatory
        self._every = every
        self._under_way: dict[Key, str] = {}

    def notice(self, run: WorkflowRun) -> Key | None:
        """Take in a run; the Connection to look after now, where it is a look that has ended."""
        name = run.metadata.labels.get(LOOK_LABEL)
        if name is None or run.spec.requested_by is None or run.spec.requested_by.user != LOOKER:
            return None
        key = Key(run.metadata.namespace, run.metadata.name)
        if not RunPhase(run.status.phase).finished:
            self._under_way[key] = run.metadata.namespace
            return None
        self._under_way.pop(key, None)
        return Key(run.metadata.namespace, name)

    def gone(self, run: WorkflowRun) -> None:
        """A run is there no longer."""
        self._under_way.pop(Key(run.metadata.namespace, run.metadata.name), None)

    def clear(self) -> None:
        """Forget which looks are under way: whoever becomes active learns it anew."""
        self._under_way.clear()

    async def look(self, key: Key) -> datetime | None:
        """One pass. Returns when to look again. Raises TransientError to be called again."""
        connection = await self._at.connections.load(key) if self._every is not None else None
        if connection is None or connection.metadata.deletion_timestamp is not None:
            return None
        if connection.spec.type in _WITHOUT_DISCOVERY:
            return None
        now, due = self._at.clock.now(), self._due(connection)
        if due is not None and due > now:
            return due
        wanted = look_run(connection)
        made = await self._at.runs.load(Key(key.namespace, wanted.metadata.name))
        if made is not None:
            return await self._take(connection, made, wanted)
        if self._crowded(key.namespace):
            return now + _IN_LINE
        return await self._start(wanted, now)

    async def _start(self, wanted: WorkflowRun, now: datetime) -> datetime:
        try:
            await self._at.runs.create(wanted)
        except UserError as error:
            # A quota of runs, a namespace that is going away: no fault of the Connection's.
            log.warning("Connection %s cannot be looked at: %s", wanted.metadata.labels[LOOK_LABEL], error)
            return now + AGAIN
        return now + _GIVEN_UP

    async def _take(self, connection: Connection, run: WorkflowRun, wanted: WorkflowRun) -> datetime | None:
        now = self._at.clock.now()
        if not is_look(run, wanted):
            status = untrusted_status(connection, run, now)
        elif not RunPhase(run.status.phase).finished:
            return now + _GIVEN_UP
        else:
            status = found_status(connection, run, await self._at.runs.found(run), now)
        return self._due(await self._at.connections.save_status(connection, status))

    def _due(self, connection: Connection) -> datetime | None:
        """When to look at it next; None for now."""
        status = connection.status
        if status.checked_at is None or status.observed_generation != connection.metadata.generation:
            return None
        return status.checked_at + self._wait(status)

    def _wait(self, status: ConnectionStatus) -> timedelta:
        assert self._every is not None
        return self._every if status.reachable or status.resources is not None else min(self._every, AGAIN)

    def _crowded(self, namespace: str) -> bool:
        others = list(self._under_way.values())
        return len(others) >= AT_ONCE or others.count(namespace) >= OF_A_NAMESPACE
