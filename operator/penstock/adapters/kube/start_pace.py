"""How many programs start at once: a node that starts very many takes longer for all of them.

What has begun goes first. A run that has not begun waits, with nothing written about it, while as many pods are being
started as the known nodes start well. Pods without a node and slow ones count for a short time only: where starting
takes long for other reasons than too many at once, nobody is held up by that, and a cluster that grows with what is
asked for gets to see it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable

from penstock.adapters.kube.attempts import is_starting, may_get_stuck
from penstock.adapters.kube.objects import Pod
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.model import RunPhase
from penstock.ports.access import Key

_COUNTS_FOR, _UNBOUND_FOR = 3.0, 1.0
"""Seconds for which a pod that does not start counts, and one that no node has taken: with the fewest that may be
starting at once, two runs a second and more may begin for each node, whatever keeps their pods from starting.
"""
_FIRST, _FEWEST, _MOST = 8, 6, 64
"""Pods that may be starting at once for each node: before anything is known of the nodes, at least, and at most."""
_QUICK, _SLOW = 1.5, 2.5
"""Seconds until a program begins: quicker, and nodes can take more at once; slower, and they have too much to do."""
_MORE, _LESS = 0.5, 0.95
"""What is added for a quick one, what is left after a slow one."""


class StartPace:
    """Who may begin now. `wake(run)` has a run looked at whose turn has come.

    How many pods may be starting at once follows from how long they take: a few on two busy cores, dozens on a large
    machine. Only runs that have to wait make it larger, so it is never larger than it was good for.
    """

    def __init__(self, wake: Callable[[Key], None], per_node: float = _FIRST) -> None:
        """`per_node`: pods that may be starting at once for each node at first."""
        self._wake = wake
        self._per_node = per_node
        self._unbound: dict[str, float] = {}
        """By the pod's UID: the loop's time at which it was first seen without a node, the oldest first."""
        self._bound: dict[str, float] = {}
        """The same of those that a node has."""
        self._on_node: Counter[str] = Counter()
        """Pods that are known on each node."""
        self._held: OrderedDict[str, dict[Key, float]] = OrderedDict()
        """Runs that wait by namespace, whoever waits longest first, and the loop's time since when. The namespaces take
        turns, so a thousand runs in one hold up nobody in another.
        """
        self._let: dict[Key, float] = {}
        """Runs that may begin and have not been looked at to the end, and since when they had waited."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        """Runs that wait."""
        return sum(map(len, self._held.values()))

    def clear(self) -> None:
        """Nobody waits any more: all runs are about to be looked at."""
        self._held.clear()
        self._let.clear()

    def admits(self, run: Key) -> bool:
        """Whether a run that has not begun may begin now; if not, it is woken when it may. Call `looked` afterwards."""
        if run in self._let:
            return True
        now = _now()
        if self._held or self._room(now) <= 0:
            self._held.setdefault(run.namespace, {}).setdefault(run, now)
            self._let_in()
            return run in self._let
        self._let[run] = now
        return True

    def looked(self, run: Key) -> None:
        """A pass over a run has ended: what it starts is known, or it starts nothing."""
        self._take(run)
        self._let.pop(run, None)
        if self._held:
            self._let_in()

    def known_since(self, run: Key) -> float | None:
        """The loop's time at which a run that begins now was first looked at."""
        return self._let.get(run)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """For the pods' informer."""
        self._note_node(old.spec.node_name if old else "", new.spec.node_name if new else "")
        pod, now = new or old, _now()
        assert pod is not None
        uid = pod.metadata.uid
        if new is None or not is_starting(new) or may_get_stuck(new):
            self._unbound.pop(uid, None)
            since = self._bound.pop(uid, None)
            if since is not None and new is not None and not is_starting(new):
                self._learn(now - since)
        elif new.spec.node_name and (old is None or not old.spec.node_name):
            self._unbound.pop(uid, None)
            self._bound[uid] = now
        elif old is None:
            self._unbound[uid] = now
        if self._held:
            self._let_in()

    def _learn(self, took: float) -> None:
        """Fit the number to how long a pod took to start."""
        if took > _SLOW:
            self._per_node = max(_FEWEST, self._per_node * _LESS)
        elif took < _QUICK and self._held:
            self._per_node = min(_MOST, self._per_node + _MORE)

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
            namespace, waiting = next(iter(self._held.items()))
            run = next(iter(waiting))
            self._let[run] = self._take(run)
            if namespace in self._held:
                self._held.move_to_end(namespace)
            self._wake(run)
            room -= 1
        if self._held and self._timer is None and (self._bound or self._unbound):
            ends = [next(iter(pods.values())) + span for pods, span in self._spans() if pods]
            self._timer = asyncio.get_running_loop().call_at(min(ends), self._time_passed)

    def _take(self, run: Key) -> float:
        """A run waits no more; since when it did."""
        waiting = self._held.get(run.namespace, {})
        since = waiting.pop(run, _now())
        if not waiting:
            self._held.pop(run.namespace, None)
        return since

    def _time_passed(self) -> None:
        self._timer = None
        self._let_in()

    def _room(self, now: float) -> int:
        for pods, span in self._spans():
            while pods and now >= next(iter(pods.values())) + span:
                del pods[next(iter(pods))]
                # A node that takes so long has too much to do; where none has taken it, none has.
                self._learn(_SLOW + 1 if pods is self._bound else 0.0)
        counted = len(self._unbound) + len(self._bound) + len(self._let)
        return int(self._per_node * max(1, len(self._on_node))) - counted

    def _spans(self) -> tuple[tuple[dict[str, float], float], ...]:
        return (self._bound, _COUNTS_FOR), (self._unbound, _UNBOUND_FOR)


def may_wait(run: WorkflowRun) -> bool:
    """It has not begun, and nobody has asked for its end."""
    return run.status.phase == RunPhase.PENDING and not run.spec.cancel


def _now() -> float:
    return asyncio.get_running_loop().time()
