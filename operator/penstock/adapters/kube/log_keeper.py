"""Keeps the ends of a run's logs once the run is over and its pods have ended: one ConfigMap, written once.

What was followed is at hand. After a restart of the operator it is read out of the pods once more, where they are still
there; so nothing has to be written while a run goes on.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempt_sight import STARTS_FIRST, AttemptSight
from penstock.adapters.kube.attempts import attempt_of
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.copies import Copies
from penstock.adapters.kube.log_ends import KeptEnd, LogEnd, RunEnds, config_map
from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import Job, Pod
from penstock.adapters.kube.resources import CONFIG_MAPS, PODS
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.identifiers import log_ends_name
from penstock.engine.indices import Indices
from penstock.engine.model import FINISHED_RUN, AttemptId
from penstock.errors import AlreadyExists, Forbidden, InvalidInput, NotFound, Unavailable
from penstock.ports.access import Key
from penstock.ports.engine import Clock

PATIENCE = timedelta(minutes=3)
"""How long after a run's end its pods may still take to end; those of a lost node never do."""
RECENT = timedelta(days=1)
"""Runs that ended longer ago are left alone: their logs were kept then, or are in their pods while those live."""
_REMEMBERED = 10_000
"""Runs whose logs are known to be kept."""
HELD = 64 * 1024 * 1024
"""Bytes held for all runs that are not over; of what is dropped here the pods are read once more."""

_log = logging.getLogger(__name__)


class LogKeeper:
    """Looks at one run at a time; `queue(key)` has one looked at."""

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
        self._ends: OrderedDict[str, RunEnds] = OrderedDict()
        self._held = 0
        self._done: OrderedDict[str, None] = OrderedDict()
        self._put_off: set[Key] = set()
        """Runs that could be looked at but for other attempts that are starting."""
        sight.listen(lambda _: None, self._pod_changed)
        sight.listen_for_rest(self._keep_the_rest)

    def take(self, run_uid: str, attempt: AttemptId, end: KeptEnd, failed: bool) -> None:
        """The log of an attempt was read to its end."""
        if run_uid in self._done:
            return
        ends = self._ends.setdefault(run_uid, RunEnds())
        before = ends.cost
        ends.put(attempt, end, failed=failed)
        self._held += ends.cost - before
        while self._held > HELD:
            self._held -= self._ends.popitem(last=False)[1].cost

    def run_changed(self, run: WorkflowRun) -> None:
        """For the copies of the runs."""
        if run.status.phase in FINISHED_RUN and run.metadata.uid not in self._done:
            self._queue(Key(run.metadata.namespace, run.metadata.name))

    async def reconcile(self, key: Key) -> datetime | None:
        """Keep the ends of the run's logs if its time has come; when to look again. Raises Unavailable."""
        self._put_off.discard(key)
        run = self._runs.get(key)
        if run is None or run.status.phase not in FINISHED_RUN or run.metadata.uid in self._done:
            return None
        uid, now = run.metadata.uid, self._clock.now()
        ended_at = run.status.finished_at or now
        jobs = [job for job in self._sight.jobs_of(uid) if attempt_of(job) is not None]
        if now - ended_at < PATIENCE and any(self._lives(job) for job in jobs):
            return ended_at + PATIENCE
        if self._sight.starting and now - ended_at < STARTS_FIRST:
            self._put_off.add(key)
            return ended_at + STARTS_FIRST
        if (jobs or uid in self._ends) and (uid in self._ends or now - ended_at < RECENT):
            await self._keep(run, jobs)
        self._settle(uid)
        return None

    async def _keep(self, run: WorkflowRun, jobs: list[Job]) -> None:
        namespace, name = run.metadata.namespace, log_ends_name(run.metadata.name, run.metadata.uid)
        ends = self._ends.get(run.metadata.uid)
        if ends is None:
            # Nothing was read by this process: another one may have kept them.
            if await self._client.exists(CONFIG_MAPS.path(namespace, name)):
                return
            ends = RunEnds()
        cost = ends.cost
        await self._read_rest(run, jobs, ends)
        self._held += ends.cost - cost if run.metadata.uid in self._ends else 0
        body = config_map(run, ends.kept)
        try:
            await self._client.create(CONFIG_MAPS.path(namespace), body, as_dict, counted=False)
        except AlreadyExists:
            return
        except (NotFound, Forbidden, InvalidInput) as error:
            _log.warning("the ends of the logs of run %s/%s are not kept: %s", namespace, run.metadata.name, error)

    async def _read_rest(self, run: WorkflowRun, jobs: list[Job], ends: RunEnds) -> None:
        """Read the logs that this process did not follow to their end, the oldest first."""
        for job in sorted(jobs, key=lambda job: job.metadata.creation_timestamp or ""):
            attempt, pod = attempt_of(job), self._sight.pod_of(job.metadata.uid)
            if attempt is None or pod is None or attempt.id in ends:
                continue
            end = LogEnd()
            try:
                params = {"container": CONTAINER}
                path = PODS.path(pod.metadata.namespace, pod.metadata.name, "log")
                async with self._client.stream(path, params) as chunks:
                    async for chunk in chunks:
                        end.feed(chunk)
            except (NotFound, Forbidden, InvalidInput, Unavailable) as error:
                _log.info("the log of %s cannot be kept: %s", pod.metadata.name, error)
                continue
            ends.put(attempt.id, end.close(), failed=_failed(run, attempt.id))

    def _lives(self, job: Job) -> bool:
        pod = self._sight.pod_of(job.metadata.uid)
        return pod is not None and not pod.ended

    def _settle(self, uid: str) -> None:
        ends = self._ends.pop(uid, None)
        self._held -= ends.cost if ends else 0
        self._done[uid] = None
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)

    def _keep_the_rest(self) -> None:
        for key in self._put_off:
            self._queue(key)
        self._put_off.clear()

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        if pod is None or (new is not None and not new.ended):
            return
        key = Key(pod.metadata.namespace, pod.metadata.labels.get(labels.RUN, ""))
        run = self._runs.get(key)
        if run is not None:
            self.run_changed(run)


def _failed(run: WorkflowRun, at: AttemptId) -> bool:
    """The attempt failed, or items of it did, as far as the run's status says."""
    step = run.status.steps.get(at.step)
    if step is None:
        return True
    if at.batch is not None and step.items is not None:
        first = at.batch * step.items.items_per_pod
        return bool(Indices.parse(step.items.failed).within(first, first + step.items.items_per_pod))
    return step.attempt != at.attempt or step.error is not None
