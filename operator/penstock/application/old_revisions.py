"""Contents of Workflows that no run and no Workflow names any more are removed.

Not at once: whoever has just read a Workflow may be about to pin a run to what it said a moment ago.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.engine.digests import REVISION_SCHEME, digest
from penstock.engine.identifiers import revision_name
from penstock.ports.access import Key
from penstock.ports.engine import Clock
from penstock.ports.schedules import WorkflowLedger

GRACE = timedelta(seconds=20)
"""How long nobody must have named a revision; longer than any pass over a run takes."""
REST_SECONDS = 0.1
"""After each removal."""


class RevisionStore(Protocol):
    """Where revisions are kept."""

    async def names(self, workflow: Key) -> tuple[str, ...]:
        """The revisions of a Workflow, also of one that is gone."""

    async def drop(self, revision: Key, still: Callable[[], bool]) -> None:
        """Remove a revision unless it is gone; nothing where `still`, asked last of all, says no."""


async def _rest() -> None:
    await asyncio.sleep(REST_SECONDS)


class OldRevisions:
    """Tell it of all runs and Workflows, and call `look` with the Workflow that it wakes."""

    def __init__(
        self,
        store: RevisionStore,
        workflows: WorkflowLedger,
        clock: Clock,
        rest: Callable[[], Awaitable[None]] = _rest,
    ) -> None:
        self._store = store
        self._workflows = workflows
        self._clock = clock
        self._rest = rest
        self._wake: Callable[[Key], None] = lambda _: None
        self._users: dict[Key, set[str]] = {}
        self._current: dict[Key, str] = {}
        self._unnamed: dict[Key, dict[str, datetime]] = {}

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Have `wake` called with each Workflow to look at."""
        self._wake = wake

    def survey(self, kept: Iterable[tuple[Key, str]]) -> None:
        """Take in all (Workflow, revision) that are kept, once everything else is known."""
        for workflow, name in kept:
            if Key(workflow.namespace, name) not in self._users and self._current.get(workflow) != name:
                self._wake(workflow)

    def notice(self, run: WorkflowRun) -> None:
        """Take in what a run names."""
        for workflow, name in _named(run):
            self._users.setdefault(Key(workflow.namespace, name), set()).add(run.metadata.uid)
            self._unnamed.get(workflow, {}).pop(name, None)

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted."""
        for workflow, name in _named(run):
            users = self._users.get(Key(workflow.namespace, name), set())
            users.discard(run.metadata.uid)
            if not users:
                self._users.pop(Key(workflow.namespace, name), None)
                if self._current.get(workflow) != name:
                    self._wake(workflow)

    def notice_workflow(self, workflow: Workflow) -> None:
        """Take in what a Workflow says now."""
        key = Key(workflow.metadata.namespace, workflow.metadata.name)
        name = workflow.status.revision.name if workflow.status.revision else ""
        if self._current.get(key, name) != name:
            self._wake(key)
        self._current[key] = name
        unnamed = self._unnamed.get(key)
        if unnamed:
            for current in _current_names(workflow):
                unnamed.pop(current, None)

    def workflow_gone(self, key: Key) -> None:
        """The Workflow was deleted."""
        self._current.pop(key, None)
        self._wake(key)

    async def look(self, workflow: Key) -> datetime | None:
        """Remove what nobody has named for long enough; when to look again.

        Raises whatever keeps a revision from being removed: the next look goes on with the others.
        """
        now = self._clock.now()
        unnamed = await self._take_stock(workflow, now)
        for name in [name for name, since in unnamed.items() if since + GRACE <= now]:
            if name not in unnamed:
                continue  # somebody has named it meanwhile
            unnamed[name] = now
            await self._store.drop(Key(workflow.namespace, name), partial(unnamed.__contains__, name))
            unnamed.pop(name, None)
            await self._rest()
        if not unnamed:
            self._unnamed.pop(workflow, None)
            return None
        return min(unnamed.values()) + GRACE

    async def _take_stock(self, key: Key, now: datetime) -> dict[str, datetime]:
        """Since when nobody names which revisions of the Workflow, as far as anybody has looked."""
        stored = await self._store.names(key)
        workflow = await self._workflows.load(key)
        current = _current_names(workflow) if workflow is not None else set()
        before = self._unnamed.get(key, {})
        unnamed = {
            name: before.get(name, now)
            for name in stored
            if name not in current and Key(key.namespace, name) not in self._users
        }
        self._unnamed[key] = unnamed
        return unnamed


def _named(run: WorkflowRun) -> set[tuple[Key, str]]:
    """The revisions that a run names: what it is pinned to, or was asked to run."""
    reference = run.spec.workflow
    if reference is None:
        return set()
    pinned = run.status.revision.name if run.status.revision else None
    workflow = Key(run.metadata.namespace, reference.name)
    return {(workflow, name) for name in (pinned, reference.revision) if name is not None}


def _current_names(workflow: Workflow) -> set[str]:
    """What it is said to be, and what it is."""
    content = digest(REVISION_SCHEME, workflow.spec.to_wire())
    said = workflow.status.revision
    return {revision_name(workflow.metadata.name, content), *([said.name] if said else [])}
