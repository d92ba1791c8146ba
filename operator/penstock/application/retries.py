"""Which finished runs are retried at this moment, and by whom."""

from __future__ import annotations

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.ports.access import Key


class Retries:
    """The unfinished runs that retry another one, by the one that they retry."""

    def __init__(self) -> None:
        self._of: dict[Key, set[str]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._of.clear()

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands."""
        if RunPhase(run.status.phase).finished:
            self.gone(run)
        elif run.spec.retry_of is not None:
            self._of.setdefault(Key(run.metadata.namespace, run.spec.retry_of), set()).add(run.metadata.uid)

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted, or is finished."""
        if run.spec.retry_of is None:
            return
        key = Key(run.metadata.namespace, run.spec.retry_of)
        retries = self._of.get(key, set())
        retries.discard(run.metadata.uid)
        if not retries:
            self._of.pop(key, None)

    def under_way(self, key: Key) -> bool:
        """Whether a run that retries this one is not finished."""
        return key in self._of
