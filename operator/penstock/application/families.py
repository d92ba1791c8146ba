"""Runs and their children: which runs are attempts at steps of another one."""

from __future__ import annotations

from collections.abc import Callable

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.ports.access import Key


class Families:
    """The children of every run, as they stand."""

    def __init__(self) -> None:
        self._children: dict[str, dict[str, WorkflowRun]] = {}
        self._listeners: list[Callable[[Key], None]] = []

    def subscribe(self, wake: Callable[[Key], None]) -> None:
        """Have `wake` called with a run of which a child has changed or is gone."""
        self._listeners.append(wake)

    def clear(self) -> None:
        """Forget everything."""
        self._children.clear()

    def notice(self, run: WorkflowRun) -> None:
        """Take in how a run stands."""
        parent = run.spec.parent
        if parent is None:
            return
        siblings = self._children.setdefault(parent.uid, {})
        known = siblings.get(run.metadata.uid)
        siblings[run.metadata.uid] = run
        if known is None or known.status != run.status:
            self._wake(run)

    def gone(self, run: WorkflowRun) -> None:
        """The run was deleted."""
        self._children.pop(run.metadata.uid, None)
        parent = run.spec.parent
        if parent is None:
            return
        self._children.get(parent.uid, {}).pop(run.metadata.uid, None)
        self._wake(run)

    def of(self, uid: str) -> tuple[WorkflowRun, ...]:
        """The children of the run with this UID."""
        return tuple(self._children.get(uid, {}).values())

    def _wake(self, child: WorkflowRun) -> None:
        assert child.spec.parent is not None
        for wake in self._listeners:
            wake(Key(child.metadata.namespace, child.spec.parent.run))
