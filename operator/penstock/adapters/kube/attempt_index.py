"""Which Jobs a run has and which pod a Job has: kept by the informers' changes, asked in memory."""

from __future__ import annotations

from collections.abc import Iterator

from penstock.adapters.kube.attempts import is_starting
from penstock.adapters.kube.objects import Job, Pod


class AttemptIndex:
    """Jobs by the UID of their run, pods by the UID of their Job, and the Jobs whose pod was seen and is gone."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Job]] = {}
        self._open: dict[str, dict[str, Job]] = {}
        self._pods: dict[str, Pod] = {}
        self._bereft: set[str] = set()
        self._starting: set[str] = set()

    def jobs_of(self, run_uid: str) -> Iterator[Job]:
        """The Jobs that a run controls."""
        return iter(tuple(self._jobs.get(run_uid, {}).values()))

    def open_jobs_of(self, run_uid: str) -> Iterator[Job]:
        """The Jobs that a run controls and that are not finished: few, however many items it has."""
        return iter(tuple(self._open.get(run_uid, {}).values()))

    def pod_of(self, job_uid: str) -> Pod | None:
        """The pod that a Job controls."""
        return self._pods.get(job_uid)

    def lost_pod(self, job_uid: str) -> bool:
        """The Job had a pod, and it was deleted."""
        return job_uid in self._bereft

    @property
    def starting(self) -> bool:
        """Some pod was created whose program has not begun."""
        return bool(self._starting)

    def job_changed(self, old: Job | None, new: Job | None) -> None:
        """For the Job informer."""
        job = new or old
        assert job is not None
        owner = job.metadata.controller
        if owner is None or owner.kind != "WorkflowRun":
            return
        _note(self._open, owner.uid, job.metadata.uid, None if new is None or new.finished else new)
        if new is not None:
            self._jobs.setdefault(owner.uid, {})[job.metadata.uid] = new
            return
        self._bereft.discard(job.metadata.uid)
        _note(self._jobs, owner.uid, job.metadata.uid, None)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """For the pod informer."""
        pod = new or old
        assert pod is not None
        owner = pod.metadata.controller
        if owner is None or owner.kind != "Job":
            return
        if new is not None:
            self._pods[owner.uid] = new
            (self._starting.add if is_starting(new) else self._starting.discard)(owner.uid)
            return
        known = self._pods.get(owner.uid)
        if known is not None and known.metadata.uid == pod.metadata.uid:
            del self._pods[owner.uid]
            self._starting.discard(owner.uid)
            self._bereft.add(owner.uid)


def _note(jobs: dict[str, dict[str, Job]], run_uid: str, job_uid: str, job: Job | None) -> None:
    """Put a Job among those of its run, or take it out."""
    if job is not None:
        jobs.setdefault(run_uid, {})[job_uid] = job
        return
    siblings = jobs.get(run_uid, {})
    siblings.pop(job_uid, None)
    if not siblings:
        jobs.pop(run_uid, None)
