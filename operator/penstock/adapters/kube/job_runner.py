"""Attempts as Jobs: what is known of them, starting and stopping them. One result an attempt.

Every method may be repeated, and may follow a crash at any point of an earlier call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from penstock.adapters.kube import labels
from penstock.adapters.kube.attempt_maker import AttemptMaker, NameTaken
from penstock.adapters.kube.attempt_sight import AttemptSight, decode_job, decode_pod
from penstock.adapters.kube.attempts import Attempt, attempt_of, container_state
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.log_ends import KeptEnd
from penstock.adapters.kube.objects import Job, Owner, Pod
from penstock.adapters.kube.pod_minder import Patience
from penstock.adapters.kube.resources import JOBS, PODS
from penstock.adapters.kube.result_reader import Listeners, ResultReader
from penstock.api.v1alpha1.awaited import awaited
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.reconcile_run import SOFT_WRITE_EVERY
from penstock.engine.commands import StartAttempt, StopAttempt
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode
from penstock.engine.hindrances import hindrance
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import FINISHED_RUN, AttemptId, Failure
from penstock.errors import Conflict, NotFound, QuotaExceeded
from penstock.ports.access import Key


@dataclass(frozen=True, slots=True)
class Hooks:
    """Whom the runner tells."""

    wake: Callable[[Key], None]
    """Have a run looked at again."""
    look: Callable[[Key, timedelta], None]
    """Have it looked at after a time, unless it is sooner: what is new decides nothing."""
    close: Callable[[Key], None]
    """Have a Job closed when that is due."""
    keep: Callable[[str, AttemptId, KeptEnd, bool], None]
    """Keep the end of an attempt's log: the run's UID, the attempt, the end, whether it failed."""
    asked: Callable[[Key], None] = lambda _run: None
    """A Job was asked for, for this run."""
    timed: Callable[[Key, AttemptId, float, float], None] = lambda _run, _at, _pod_start, _program: None
    """How long an attempt of a run took to its program's beginning, and from there to its end, in seconds."""


class JobRunner:
    """StepRunner of ports.engine."""

    def __init__(
        self, client: KubeClient, sight: AttemptSight, maker: AttemptMaker, hooks: Hooks, patience: Patience
    ) -> None:
        self._client = client
        self._sight = sight
        self._maker = maker
        self._hooks = hooks
        self._wake, self._look = hooks.wake, hooks.look
        self._close, self._keep = hooks.close, hooks.keep
        self._asked: dict[str, float] = {}
        """By Job: the monotonic time at which it was asked for, until its program has ended."""
        self._patience = patience
        self._readers: dict[str, ResultReader] = {}
        self._of_run: dict[str, dict[str, AttemptId]] = {}
        """By run: the Jobs that have readers."""
        self._settled: dict[str, dict[AttemptId, AttemptFact]] = {}
        self._held: dict[str, dict[AttemptId, AttemptFact]] = {}
        """Attempts that a quota has no room for, until they are asked for again."""
        sight.listen(self._job_changed, self._pod_changed)

    @property
    def streams(self) -> int:
        """Logs that are followed."""
        return sum(reader.reading for reader in self._readers.values())

    async def observe(self, run: WorkflowRun) -> Mapping[AttemptId, AttemptFact]:
        """What is known, from memory. Only where memory says that something is gone is the server asked."""
        facts = dict(self._settled.get(run.metadata.uid, {}))
        waits = awaited(run.status)
        for job in self._sight.open_jobs_of(run.metadata.uid):
            await self._add_fact(run, job, waits, facts)
        for at, uid in waits.items():
            if at not in facts:
                found = await self._awaited_job(run, at, uid)
                if found is not None:
                    await self._add_fact(run, found, waits, facts)
        self._let_go(run, waits)
        return {**self._held.get(run.metadata.uid, {}), **facts}

    async def start(self, run: WorkflowRun, command: StartAttempt) -> None:
        """Make sure that the attempt's Job and pod are there, and read its log from the moment it runs."""
        new, began = self._sight.job(Key(run.metadata.namespace, command.name)) is None, time.monotonic()
        try:
            job = await self._maker.make(run, command)
        except NameTaken as taken:
            failure = Failure(FailureCode.JOB_NAME_CONFLICT, str(taken), command.id.step)
            fact = AttemptFact(AttemptPhase.FAILED, command.digest, failure=failure)
            self._settled.setdefault(run.metadata.uid, {})[command.id] = fact
            self._wake(_run_key(run))
            return
        except QuotaExceeded as full:
            self._hold(run, command, str(full))
            return
        if new:
            self._asked[job.metadata.uid] = began
            self._hooks.asked(_run_key(run))
        attempt, pod = attempt_of(job), self._sight.pod_of(job.metadata.uid)
        if attempt is not None and pod is not None:
            self._reader(job, attempt, pod)

    async def stop(self, run: WorkflowRun, command: StopAttempt) -> None:
        """Delete the pod, which lets the program end in peace first. The Job is closed when the pod is gone."""
        job = self._sight.job(Key(run.metadata.namespace, command.name))
        if job is None:
            return
        pod = self._sight.pod_of(job.metadata.uid)
        if pod is None:
            self._close(job.metadata.key)
        elif pod.metadata.deletion_timestamp is None and not pod.ended:
            await delete_pod(self._client, pod)

    def run_changed(self, run: WorkflowRun) -> None:
        """For the copies of the runs: what is kept of a finished run is let go."""
        if run.status.phase not in FINISHED_RUN:
            return
        self._settled.pop(run.metadata.uid, None)
        self._of_run.pop(run.metadata.uid, None)
        for job in self._sight.jobs_of(run.metadata.uid):
            pod, reader = self._sight.pod_of(job.metadata.uid), self._readers.get(job.metadata.uid)
            if pod is None or pod.ended:
                self._drop_reader(job.metadata.uid)
            elif reader is not None:
                reader.release()

    def _hold(self, run: WorkflowRun, command: StartAttempt, words: str) -> None:
        """Say what the attempt waits for; later forget it, so that the engine asks for the attempt again."""
        uid, key = run.metadata.uid, _run_key(run)
        held = self._held.setdefault(uid, {})
        failure = hindrance(FailureCode.QUOTA_EXCEEDED, words, command.id.step)
        held[command.id] = AttemptFact(AttemptPhase.CREATED, command.digest, failure=failure)

        def ask_again() -> None:
            held.pop(command.id, None)
            if not held and self._held.get(uid) is held:
                del self._held[uid]
            self._wake(key)

        asyncio.get_running_loop().call_later(self._patience.quota, ask_again)
        self._wake(key)

    async def _awaited_job(self, run: WorkflowRun, at: AttemptId, uid: str | None) -> Job | None:
        """The Job of an attempt that is awaited and has no open one: finished, or unknown here."""
        key = Key(run.metadata.namespace, attempt_name(run.metadata.name, run.metadata.uid, *at))
        known = self._sight.job(key)
        if known is None and uid:
            known = await self._find_job(key)
        owner = known.metadata.controller if known is not None else None
        if known is None or owner is None or owner.uid != run.metadata.uid:
            return None
        return known if uid in (None, known.metadata.uid) else None

    def _let_go(self, run: WorkflowRun, waits: Mapping[AttemptId, str | None]) -> None:
        """Readers whose result is written down are needed no more once their pods have ended."""
        mine = self._of_run.get(run.metadata.uid, {})
        for job_uid, at in tuple(mine.items()):
            reader, pod = self._readers.get(job_uid), self._sight.pod_of(job_uid)
            if at in waits or (reader is not None and reader.result is None):
                continue
            if pod is None or pod.ended:
                self._drop_reader(job_uid)
                mine.pop(job_uid, None)
        if not mine:
            self._of_run.pop(run.metadata.uid, None)

    async def _add_fact(
        self,
        run: WorkflowRun,
        job: Job,
        waits: Mapping[AttemptId, str | None],
        facts: dict[AttemptId, AttemptFact],
    ) -> None:
        attempt = attempt_of(job)
        fact = await self._fact(run, job, attempt, waits) if attempt else None
        if attempt is not None and fact is not None:
            facts[attempt.id] = fact

    async def _fact(
        self, run: WorkflowRun, job: Job, attempt: Attempt, waits: Mapping[AttemptId, str | None]
    ) -> AttemptFact | None:
        reader = self._readers.get(attempt.uid)
        if reader is not None and reader.result is not None:
            return reader.result
        pod = self._sight.pod_of(attempt.uid)
        if pod is None:
            recorded = waits.get(attempt.id) == attempt.uid
            pod = await self._find_pod(job) if recorded and not self._sight.lost_pod(attempt.uid) else None
            if pod is None:
                return self._without_pod(job, attempt, recorded=recorded)
        wanted = attempt.id in waits
        ending = pod.metadata.deletion_timestamp is not None and run.status.phase not in FINISHED_RUN
        if not wanted and (pod.ended or not ending):
            # Nobody waits for this one's result; all that counts is whether it still lives.
            return attempt.lost("the attempt has ended") if pod.ended else attempt.fact(AttemptPhase.RUNNING)
        reader = self._reader(job, attempt, pod)
        return replace(reader.alive, message=reader.message, items=reader.items.results)

    def _without_pod(self, job: Job, attempt: Attempt, *, recorded: bool) -> AttemptFact | None:
        """A pod is missing that was there (the attempt is lost), or that is still to be made (it was never seen)."""
        gone = self._sight.lost_pod(attempt.uid) or job.finished
        if job.spec.managed_by != labels.MANAGER and not gone:
            return attempt.fact(AttemptPhase.CREATED)
        if gone or recorded:
            return attempt.lost("the attempt's pod is gone without a result")
        return None

    async def _find_job(self, key: Key) -> Job | None:
        try:
            job = await self._client.get(JOBS.path(key.namespace, key.name), decode_job)
        except NotFound:
            return None
        self._sight.remember_job(job)
        return job

    async def _find_pod(self, job: Job) -> Pod | None:
        if job.spec.managed_by != labels.MANAGER:
            return None
        meta = job.metadata
        try:
            pod = await self._client.get(PODS.path(meta.namespace, meta.name), decode_pod)
        except NotFound:
            return None
        owner = pod.metadata.controller
        if owner is None or owner.uid != meta.uid:
            return None
        self._sight.remember_pod(pod)
        return pod

    def _reader(self, job: Job, attempt: Attempt, pod: Pod) -> ResultReader:
        reader = self._readers.get(attempt.uid)
        if reader is None:
            key = Key(job.metadata.namespace, job.metadata.labels[labels.RUN])
            owner = job.metadata.controller
            listeners = Listeners(
                tell=lambda: self._wake(key),
                keep=lambda end, failed: self._keep(owner.uid if owner else "", attempt.id, end, failed),
                measured=lambda wall: self._measured(key, attempt, wall),
            )
            reader = ResultReader(self._client, attempt, pod, self._patience, listeners)
            self._readers[attempt.uid] = reader
            owner = job.metadata.controller
            if owner is not None:
                self._of_run.setdefault(owner.uid, {})[attempt.uid] = attempt.id
            reader.see(pod)
        return reader

    def _measured(self, run: Key, attempt: Attempt, wall: float) -> None:
        asked = self._asked.pop(attempt.uid, None)
        if asked is not None:
            self._hooks.timed(run, attempt.id, time.monotonic() - asked - wall, wall)

    def _drop_reader(self, job_uid: str) -> None:
        self._asked.pop(job_uid, None)
        reader = self._readers.pop(job_uid, None)
        if reader is not None:
            reader.close()

    def _job_changed(self, job: Job) -> None:
        if self._sight.job(job.metadata.key) is not None:
            return
        reader = self._readers.get(job.metadata.uid)
        attempt, owner = attempt_of(job), job.metadata.controller
        if attempt is not None and owner is not None and not job.finished:
            # Seen and gone: whatever the run's status knows of it, it must never be made again under this number.
            fact = reader.result if reader is not None and reader.result is not None else None
            known = self._settled.setdefault(owner.uid, {})
            known[attempt.id] = fact or attempt.lost("the attempt's Job was deleted")
            self._wake(Key(job.metadata.namespace, job.metadata.labels.get(labels.RUN, "")))
        self._drop_reader(job.metadata.uid)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        pod = new or old
        owner = pod.metadata.controller if pod else None
        if pod is None or owner is None:
            return
        reader = self._readers.get(owner.uid)
        if reader is not None and new is None:
            reader.gone()
        elif reader is not None and new is not None:
            reader.see(new)
        if reader is not None and reader.released and (new is None or new.ended):
            if reader.result is None:
                # The run ended before its program did, and has kept its turn until now.
                self._wake(Key(pod.metadata.namespace, pod.metadata.labels.get(labels.RUN, "")))
            self._drop_reader(owner.uid)
        if new is not None:
            self._tell(old, new, owner, reader)

    def _tell(self, old: Pod | None, new: Pod, owner: Owner, reader: ResultReader | None) -> None:
        """Have the run looked at, where there is something that it does not know."""
        run = Key(new.metadata.namespace, new.metadata.labels.get(labels.RUN, ""))
        if reader is None:
            job = self._sight.job(Key(new.metadata.namespace, owner.name))
            if old is not None or new.ended:
                return
            if job is None or job.spec.managed_by != labels.MANAGER:
                self._wake(run)  # nobody reads its log yet
            else:
                self._look(run, SOFT_WRITE_EVERY)
        elif _has_started(new) and (old is None or not _has_started(old)):
            if reader.alive.running_since is not None:
                self._wake(run)  # from now on we keep its time
            else:
                self._look(run, SOFT_WRITE_EVERY)  # the result of a short one spares the pass, and a write


def _has_started(pod: Pod) -> bool:
    return container_state(pod).running is not None


async def delete_pod(client: KubeClient, pod: Pod) -> None:
    """Have a pod ended in peace; harmless where it is gone, or another is there by that name."""
    meta = pod.metadata
    options = {"preconditions": {"uid": meta.uid}}
    try:
        await client.delete(PODS.path(meta.namespace, meta.name), options)
    except (NotFound, Conflict):
        return


def _run_key(run: WorkflowRun) -> Key:
    return Key(run.metadata.namespace, run.metadata.name)
