"""Patience with a pod that does not come to run, or does not come to its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from penstock.adapters.kube.attempts import Attempt, is_being_made, lacks_secret, may_get_stuck, stuck, unreported
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.objects import Pod
from penstock.adapters.kube.pod_warnings import last_warning
from penstock.engine.facts import AttemptFact
from penstock.errors import PenstockError


@dataclass(frozen=True, slots=True)
class Patience:
    """How long what is waited for, in seconds."""

    image: float = 120.0
    """An image or a ConfigMap may fail to come so long before the attempt has failed: registries stumble."""
    secret: float = 30.0
    """A Secret may be missing so long before the attempt has failed: what makes it may be a moment behind."""
    silence: float = 10.0
    """A pod may be made so long before the cluster is asked what it warns of; asked again twice as late each time."""
    quota: float = 15.0
    """A pod that a quota has no room for is asked for again so much later."""
    ending: float = 90.0
    """A pod that was told to end may take so long: its grace time, and time for the node to report."""


class PodMinder:
    """Minds one pod. `settle` takes a result that patience came to, `tell` is called when `told` has changed."""

    def __init__(
        self,
        client: KubeClient,
        attempt: Attempt,
        patience: Patience,
        settle: Callable[[AttemptFact], None],
        tell: Callable[[], None],
    ) -> None:
        self._client = client
        self._attempt = attempt
        self._patience = patience
        self._settle = settle
        self._tell = tell
        self._pod: Pod | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._asking: asyncio.Task[None] | None = None
        self.told = ""
        """The last warning about a pod that is being made."""

    def see(self, pod: Pod) -> None:
        """The pod's newest state."""
        self._pod = pod
        if may_get_stuck(pod):
            self._judge(patient=True)
        self._mind("image", self._patience.image, self._give_up, wanted=may_get_stuck(pod))
        self._mind_secret(pod)
        self._mind("silence", self._patience.silence, self._ask, wanted=is_being_made(pod))
        terminating = pod.metadata.deletion_timestamp is not None and not pod.ended
        self._mind("ending", self._patience.ending, self._miss, wanted=terminating)

    def close(self) -> None:
        """Mind nothing any more."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self._asking is not None:
            self._asking.cancel()

    def _mind(self, what: str, seconds: float, then: Callable[[], None], *, wanted: bool) -> None:
        """Have `then` called once the pod has been so for so long, without a break."""
        if not wanted and what in self._timers:
            self._timers.pop(what).cancel()
        elif wanted and what not in self._timers:
            self._timers[what] = asyncio.get_running_loop().call_later(seconds, then)

    def _mind_secret(self, pod: Pod) -> None:
        self._mind("secret", self._patience.secret, self._give_up, wanted=lacks_secret(pod, self.told))

    def _give_up(self) -> None:
        self._judge(patient=False)

    def _judge(self, *, patient: bool) -> None:
        assert self._pod is not None
        fact = stuck(self._attempt, self._pod, self.told, patient=patient)
        if fact is not None:
            self._settle(fact)

    def _miss(self) -> None:
        assert self._pod is not None
        self._settle(unreported(self._attempt, self._pod))

    def _ask(self) -> None:
        self._asking = asyncio.create_task(self._ask_for_warnings(self._patience.silence))

    async def _ask_for_warnings(self, wait: float) -> None:
        while self._pod is not None and is_being_made(self._pod):
            with contextlib.suppress(PenstockError):
                told = await last_warning(self._client, self._pod)
                if told != self.told:
                    self.told = told
                    self._mind_secret(self._pod)
                    self._tell()
            wait *= 2
            await asyncio.sleep(wait)
