"""How many programs start at once: a node that starts very many takes longer for all of them.

What has begun goes first. A run that has not begun waits, with nothing written about it, while as many pods are being
started as the known nodes start well. Pods without a node or slow ones count for a short time only, so a cluster that
grows with what is asked for sees all of it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

from penstock.adapters.kube.attempts import is_starting, may_get_stuck
from penstock.adapters.kube.objects import Pod
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.ports.access import Key

_COUNTS_FOR = 10.0
"""Seconds for which a pod that does not start counts: an image may take minutes to come, and keeps no node busy."""
_FIRST, _FEWEST, _MOST = 8, 4, 64
"""Pods that may be starting at once for each node: before anything is known of the nodes, at least, and at most."""
_QUICK, _SLOW = 1.5, 2.5
"""Seconds until a program begins: quicker, and nodes can take more at once; slower, and they have too much to do."""
_LESS = 0.95


class StartPace:
    """Who may begin now. `wake(run)` has a run looked at whose turn has come.

    How many pods may be starting at once follows from how long they take: a few on two busy cores, dozens on a large
    machine. Only runs that have to wait make it larger, so it is never larger than it was good for.
    """

    def __init__(self, wake: Callable[[Key], None], per_node: float = _FIRST) -> None:
        """`per_node`: pods that may be starting at once for each node at first."""
        self._wake = wake
        self._per_node = per_node
        self._starting: dict[str, float] = {}
        """By the pod's UID: the loop's time at which it was first seen, the oldest first."""
        self._on_node: Counter[str] = Counter()
        """Pods that are known on each node."""
        self._held: dict[Key, float] = {}
        """Runs that wait, whoever waits longest first, and the loop's time since when."""
        self._let: dict[Key, float] = {}
        """Runs that may begin and have not been looked at to the end, and since when they had waited."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Runs that wait."""
        return len(self._held)

    def clear(self) -> None:
        """Nobody waits any more: all runs are about to be looked at."""
        self._held.clear()
        self._let.clear()

    def admits(self, run: Key) -> bool:
        """Whether a run that has not begun may begin now; if not, it is woken when it may. Call `looked` afterwards."""
        if run in self._let:
            return True
        now = _now()
        if run in self._held or self._held or self._room(now) <= 0:
            self._held.setdefault(run, now)
            self._let_in()
            return run in self._let
        self._let[run] = now
        return True

    def looked(self, run: Key) -> None:
        """A pass over a run has ended: what it starts is known, or it starts nothing."""
        self._held.pop(run, None)
        self._let.pop(run, None)
        if self._held:
            self._let_in()

    def known_since(self, run: Key) -> float | None:
        """The loop's time at which a run that begins now was first looked at."""
        return self._let.get(run)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """For the pods' informer."""
        self._note_node(old.spec.node_name if old else "", new.spec.node_name if new else "")
        pod = new or old
        assert pod is not None
        if new is None or not is_starting(new) or may_get_stuck(new):
            since = self._starting.pop(pod.metadata.uid, None)
            if since is not None and new is not None and not is_starting(new):
                self._learn(_now() - since)
        elif old is None:
            self._starting[pod.metadata.uid] = _now()
        if self._held:
            self._let_in()

    def _learn(self, took: float) -> None:
        """Fit the number to how long a pod took to start."""
        if took > _SLOW:
            self._per_node = max(_FEWEST, self._per_node * _LESS)
        elif took < _QUICK and self._held:
            self._per_node = min(_MOST, self._per_node + 1 / self._per_node)

    def _note_node(self, before: str, after: str) -> None:
        if before == after:
            return
        if after:
            self._on_node[after] += 1
        if before:
            self._on_node[before] -= 1
            if not self._on_node[before]:
                del self._on_node[before]

    def _let_in(self) -> None:
        room = self._room(_now())
        while self._held and room > 0:
            run = next(iter(self._held))
            self._let[run] = self._held.pop(run)
            self._wake(run)
            room -= 1
        if self._held and self._starting and self._timer is None:
            oldest = next(iter(self._starting.values()))
            self._timer = asyncio.get_running_loop().call_at(oldest + _COUNTS_FOR, self._time_passed)

    def _time_passed(self) -> None:
        self._timer = None
        self._let_in()

    def _room(self, now: float) -> int:
        while self._starting:
            pod, seen = next(iter(self._starting.items()))
            if now < seen + _COUNTS_FOR:
                break
            del self._starting[pod]
        return int(self._per_node * max(1, len(self._on_node))) - len(self._starting) - len(self._let)


def may_wait(run: WorkflowRun) -> bool:
    """It has not begun, and nobody has asked for its end."""
    return run.status.phase == RunPhase.PENDING and not run.spec.cancel


def _now() -> float:
    return asyncio.get_running_loop().time()
