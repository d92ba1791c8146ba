"""Closes managed Jobs: one status patch when an attempt's pod has ended, off the way of the run itself.

Level-triggered: it looks at what is, whoever brought it about, so it goes on where a crash left it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempt_sight import STARTS_FIRST, AttemptSight, decode_job, decode_pod
from penstock.adapters.kube.attempts import attempt_of, container_state
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.job_runner import delete_pod
from penstock.adapters.kube.job_status import closing_patch
from penstock.adapters.kube.objects import Job, Pod
from penstock.adapters.kube.resources import JOBS, PODS
from penstock.api.v1alpha1.awaited import left_behind
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock.ports.engine import Clock


class JobCloser:
    """Looks at one Job at a time; `queue(key)` has one looked at."""

    def __init__(
        self,
        client: KubeClient,
        sight: AttemptSight,
        runs: Copies[WorkflowRun],
        clock: Clock,
        queue: Callable[[Key], None],
    ) -> None:
        self._client = client
        self._sight = sight
        self._runs = runs
        self._clock = clock
        self._queue = queue
        self._due: dict[Key, datetime] = {}
        """Jobs that could be closed, and when they are at the latest."""
        sight.listen(self._job_changed, self._pod_changed)
        sight.listen_for_rest(self._close_the_rest)

    async def reconcile(self, key: Key) -> datetime | None:
        """Close the Job if its attempt is over; remove a pod that nobody waits for and that never came to run.

        Returns when to look again at a Job that is left open for now.
        """
        again = await self._look(key)
        if again is None:
            self._due.pop(key, None)
        return again

    def run_changed(self, run: WorkflowRun) -> None:
        """For the copies of the runs: steps go on, and leave Jobs behind that must not stay open."""
        for job in self._sight.open_jobs_of(run.metadata.uid):
            self._queue(job.metadata.key)

    async def _look(self, key: Key) -> datetime | None:
        job = self._sight.job(key)
        if job is None or job.spec.managed_by != labels.MANAGER:
            return None
        pod = self._sight.pod_of(job.metadata.uid)
        if job.finished:
            await self._end_late(pod)
            return None
        if pod is not None and not pod.ended:
            if self._given_up(job) and _never_ran(pod):
                await delete_pod(self._client, pod)
            return None
        if pod is not None or self._sight.lost_pod(job.metadata.uid) or self._given_up(job):
            now = self._clock.now()
            if self._sight.starting and now < (due := self._due.setdefault(key, now + STARTS_FIRST)):
                return due
            await self._close(job, pod)
        return None

    async def _end_late(self, pod: Pod | None) -> None:
        """A request that was long under way may make a pod after its Job was closed: nobody waits for that one."""
        if pod is None or pod.ended or pod.metadata.deletion_timestamp is not None:
            return
        meta = pod.metadata
        with contextlib.suppress(NotFound):
            # What is in memory may be older than the Job's end, and a pod that has ended is to be kept.
            now = await self._client.get(PODS.path(meta.namespace, meta.name), decode_pod)
            if not now.ended and now.metadata.uid == meta.uid:
                await delete_pod(self._client, now)

    async def _close(self, job: Job, pod: Pod | None) -> None:
        patch = closing_patch(job, pod, self._clock.now())
        path = JOBS.path(job.metadata.namespace, job.metadata.name, "status")
        try:
            self._sight.remember_job(await self._client.merge_patch(path, patch, decode_job))
        except NotFound:
            return

    def _given_up(self, job: Job) -> bool:
        """The run has gone on without this attempt. While the run is not known, nobody has given up anything."""
        attempt, owner = attempt_of(job), job.metadata.controller
        run = self._runs.get(Key(job.metadata.namespace, job.metadata.labels.get(labels.RUN, "")))
        if attempt is None or owner is None or run is None or run.metadata.uid != owner.uid:
            return False
        return left_behind(run.status, attempt.id)

    def _job_changed(self, job: Job) -> None:
        if not job.finished:
            self._queue(job.metadata.key)

    def _close_the_rest(self) -> None:
        for key in self._due:
            self._queue(key)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        owner = pod.metadata.controller if pod else None
        if pod is not None and owner is not None and (old is None or new is None or new.ended):
            self._queue(Key(pod.metadata.namespace, owner.name))


def _never_ran(pod: Pod) -> bool:
    state = container_state(pod)
    return pod.metadata.deletion_timestamp is None and state.running is None and state.terminated is None
