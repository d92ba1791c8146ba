"""The runs of a followed run's steps, and of theirs: a gate of any of them is one that the person waits for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import WorkflowSpec
from penstock.application.definitions import definition_of
from penstock.application.wait_for_run import wait_for_run
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import StepPhase
from penstock.errors import NotFound, PenstockError
from penstock.ports.access import Access, Key

AT_ONCE = 256
"""Runs of steps that are followed at once; those of more are left to `penstock list approvals`."""
_NOT_THERE_YET = 0.2
"""Seconds between two looks for a run that its parent speaks of."""


class Descendants:
    """Follows each living child of the runs that it is told of, and has `on_change` called with it."""

    def __init__(self, access: Access, on_change: Callable[[WorkflowRun], None]) -> None:
        self._access = access
        self._on_change = on_change
        self._following: dict[str, asyncio.Task[None]] = {}
        self._wanted: dict[str, frozenset[str]] = {}
        """By run: its children that live."""

    def notice(self, run: WorkflowRun, spec: WorkflowSpec | None) -> None:
        """Look at a run: follow the children that are new."""
        living = frozenset(living_children(run, spec))
        self._wanted[run.metadata.uid] = living
        for name in living:
            if name not in self._following and len(self._following) < AT_ONCE:
                key = Key(run.metadata.namespace, name)
                self._following[name] = asyncio.create_task(self._follow(key, run.metadata.uid))

    async def close(self) -> None:
        """Follow nobody any more."""
        for task in self._following.values():
            task.cancel()
        await asyncio.gather(*self._following.values(), return_exceptions=True)

    async def _follow(self, key: Key, parent: str) -> None:
        # Whatever goes wrong with a child is its parent's to tell.
        with contextlib.suppress(PenstockError):
            spec = await self._definition(key, parent)
            if spec is None:
                return

            async def changed(run: WorkflowRun) -> None:
                self._on_change(run)
                self.notice(run, spec)

            await wait_for_run(self._access, key, seconds=None, at_gates=False, on_change=changed)

    async def _definition(self, key: Key, parent: str) -> WorkflowSpec | None:
        """What a child runs, once it is there; None where its parent waits for it no longer."""
        while key.name in self._wanted.get(parent, ()):
            try:
                return await definition_of(self._access, await self._access.runs.get(key))
            except NotFound:
                await asyncio.sleep(_NOT_THERE_YET)
        return None


def living_children(run: WorkflowRun, spec: WorkflowSpec | None) -> Iterator[str]:
    """Names of the runs that steps of this one wait for."""
    if spec is None:
        return
    meta = run.metadata
    for step in (*spec.steps, *spec.finally_):
        status = run.status.steps.get(step.name)
        if step.workflow is None or status is None or not StepPhase(status.phase).alive:
            continue
        if status.items is None:
            yield attempt_name(meta.name, meta.uid, step.name, status.attempt)
        else:
            for number, batch in status.items.active.items():
                yield attempt_name(meta.name, meta.uid, step.name, batch.attempt, int(number))
