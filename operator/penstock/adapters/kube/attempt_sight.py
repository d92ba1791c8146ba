"""All Jobs and pods of attempts, as the informers see them, ready to be asked in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import msgspec

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempt_index import AttemptIndex
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.informers import Informer, Source, WatchNews, WatchTiming
from penstock.adapters.kube.objects import Job, Pod
from penstock.adapters.kube.resources import JOBS, PODS
from penstock.ports.access import Key

decode_job = msgspec.json.Decoder(Job).decode
decode_pod = msgspec.json.Decoder(Pod).decode

JobListener = Callable[[Job], None]
PodListener = Callable[[Pod | None, Pod | None], None]

STARTS_FIRST = timedelta(seconds=30)
"""How long at most what no run waits for (Events, the end of a Job, kept logs) leaves server and nodes to programs that
are starting.
"""

_SELECTOR = {"labelSelector": labels.RUN}


class AttemptSight:
    """Two informers for each namespace (or two for all of them), and the index over them."""

    def __init__(
        self,
        client: KubeClient,
        namespaces: tuple[str, ...] = (),
        timing: WatchTiming | None = None,
        news_of: Callable[[str], WatchNews] = lambda _plural: WatchNews(),
    ) -> None:
        self._index = AttemptIndex()
        self._job_listeners: list[JobListener] = []
        self._pod_listeners: list[PodListener] = []
        self._rest_listeners: list[Callable[[], None]] = []
        places: tuple[str | None, ...] = namespaces or (None,)
        self._jobs = {
            place: Informer(
                client,
                Source(JOBS.path(place), decode_job, _SELECTOR),
                self._job_changed,
                timing=timing,
                news=news_of(JOBS.plural),
            )
            for place in places
        }
        self._pods = {
            place: Informer(
                client,
                Source(PODS.path(place), decode_pod, _SELECTOR),
                self._pod_changed,
                timing=timing,
                news=news_of(PODS.plural),
            )
            for place in places
        }

    @property
    def _informers(self) -> tuple[Informer[Job] | Informer[Pod], ...]:
        return (*self._jobs.values(), *self._pods.values())

    def listen(self, on_job: JobListener, on_pod: PodListener) -> None:
        """Have every change reported: a Job's newest state, a pod's old and new one (None where there is none)."""
        self._job_listeners.append(on_job)
        self._pod_listeners.append(on_pod)

    def listen_for_rest(self, on_rest: Callable[[], None]) -> None:
        """Have it reported when `starting` comes to be false."""
        self._rest_listeners.append(on_rest)

    async def run(self) -> None:
        """Follow the server, without end."""
        async with asyncio.TaskGroup() as group:
            for informer in self._informers:
                group.create_task(informer.run())

    async def synced(self) -> None:
        """Return once everything was listed: before that, absence means nothing."""
        for informer in self._informers:
            await informer.synced.wait()

    @property
    def heard_at(self) -> float | None:
        """Monotonic time of the oldest last sign of life among the watches; None before the first list."""
        moments = [informer.heard_at for informer in self._informers]
        return None if None in moments else min(moment for moment in moments if moment is not None)

    def silences(self, now: float) -> dict[str, float]:
        """By plural: seconds since the watch that was silent longest was heard of; none before its first list."""
        moments = {
            JOBS.plural: [each.heard_at for each in self._jobs.values()],
            PODS.plural: [each.heard_at for each in self._pods.values()],
        }
        return {
            plural: now - min(at for at in found if at is not None)
            for plural, found in moments.items()
            if None not in found
        }

    def job(self, key: Key) -> Job | None:
        """The Job of this name."""
        informer = self._jobs.get(key.namespace, self._jobs.get(None))
        return informer.get(key) if informer else None

    def jobs_of(self, run_uid: str) -> Iterator[Job]:
        """The Jobs that a run controls."""
        return self._index.jobs_of(run_uid)

    def open_jobs_of(self, run_uid: str) -> Iterator[Job]:
        """The Jobs that a run controls and that are not finished."""
        return self._index.open_jobs_of(run_uid)

    def pod_of(self, job_uid: str) -> Pod | None:
        """The pod that a Job controls."""
        return self._index.pod_of(job_uid)

    def lost_pod(self, job_uid: str) -> bool:
        """The Job had a pod, and it was deleted."""
        return self._index.lost_pod(job_uid)

    @property
    def starting(self) -> bool:
        """Some pod was created whose program has not begun: what can wait leaves server and nodes to it."""
        return self._index.starting

    def remember_job(self, job: Job) -> None:
        """Take in what a request of our own answered."""
        informer = self._jobs.get(job.metadata.namespace, self._jobs.get(None))
        if informer:
            informer.remember(job)

    def remember_pod(self, pod: Pod) -> None:
        """Take in what a request of our own answered."""
        informer = self._pods.get(pod.metadata.namespace, self._pods.get(None))
        if informer:
            informer.remember(pod)

    def _job_changed(self, old: Job | None, new: Job | None) -> None:
        self._index.job_changed(old, new)
        job = new or old
        assert job is not None
        for listener in self._job_listeners:
            listener(job)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        busy = self._index.starting
        self._index.pod_changed(old, new)
        for listener in self._pod_listeners:
            listener(old, new)
        if busy and not self._index.starting:
            for on_rest in self._rest_listeners:
                on_rest()
