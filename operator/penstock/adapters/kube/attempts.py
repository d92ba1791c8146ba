"""What a pod's state and a harness's record say of an attempt. Pure."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import ContainerState, Job, Pod, PodCondition, Terminated, Waiting
from penstock.engine.container_outputs import BadOutput, by_log, by_message
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.failures import FailureCode, claimed
from penstock.engine.hindrances import hindrance
from penstock.engine.model import AttemptId, Failure
from penstock.engine.result_records import ResultRecord

_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed"})
_NEVER_STARTED = frozenset({"StartError", "ContainerCannotRun"})
_AS_ROOT = "runAsNonRoot"
"""A word of the kubelet where an image would run as root."""
_HOPELESS = frozenset({"InvalidImageName", "ErrImageNeverPull"})
_SECRET = re.compile(
    r"""secret "[^"]+" not found|couldn't find key \S+ in Secret \S+|references non-existent secret key"""
)
"""Words of the kubelet where a Secret or a key of one is missing."""
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})

_CLEARED = {
    "DeletionByTaintManager": FailureCode.NODE_LOST,
    "DeletionByPodGC": FailureCode.NODE_LOST,
    "EvictionByEvictionAPI": FailureCode.EVICTED,
    "PreemptionByScheduler": FailureCode.EVICTED,
    "TerminationByKubelet": FailureCode.EVICTED,
}
"""By the reason of a pod's condition DisruptionTarget: why the cluster took it away."""
_ENDED_BY_NODE = frozenset({"NodeLost", "NodeShutdown", "Terminated", "Shutdown"})
"""Reasons of a pod's status: its node is gone, or was shut down with it."""
_ROOM = ("ephemeral", "emptydir", "diskpressure", "inodes")
"""Words of the kubelet where it was room on a disk that ran out."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt a Job stands for, by its own annotations."""

    id: AttemptId
    digest: str
    uid: str
    nonce: str
    output_from: str = ""
    """Where the output of a program without a harness comes from; empty where there is a harness."""

    @property
    def has_items(self) -> bool:
        """Its harness tells of items: it runs some of a fanned-out step's."""
        return self.id.batch is not None and not self.output_from

    def fact(
        self, phase: AttemptPhase, *, output: Any = None, failure: Failure | None = None, message: str | None = None
    ) -> AttemptFact:
        """A fact about this attempt."""
        return AttemptFact(phase, self.digest, self.uid, output, failure, message)

    def failed(self, code: FailureCode, reason: str) -> AttemptFact:
        """The fact that it failed."""
        return self.fact(AttemptPhase.FAILED, failure=Failure(code, reason, self.id.step))

    def lost(self, reason: str, code: FailureCode = FailureCode.LOST) -> AttemptFact:
        """The fact that nobody knows how far it came."""
        return self.fact(AttemptPhase.LOST, failure=Failure(code, reason, self.id.step))

    def hindered(self, code: FailureCode, words: str) -> AttemptFact:
        """The fact that it is there and cannot start for now, in the cluster's words."""
        return self.fact(AttemptPhase.CREATED, failure=hindrance(code, words, self.id.step))


def attempt_of(job: Job) -> Attempt | None:
    """The attempt of a Job; None for a Job that is none of ours."""
    notes = job.metadata.annotations
    if not notes.step or not notes.attempt.isdigit():
        return None
    batch = int(notes.batch) if notes.batch.isdigit() else None
    at = AttemptId(notes.step, int(notes.attempt), batch)
    return Attempt(at, notes.digest, job.metadata.uid, notes.nonce, notes.output_from)


def container_state(pod: Pod) -> ContainerState:
    """The state of the step's container; empty before the kubelet has said anything."""
    for each in pod.status.container_statuses:
        if each.name == CONTAINER:
            return each.state
    return ContainerState()


def is_last_word(record: ResultRecord, pod: Pod) -> bool:
    """Nothing that the pod's own end may still say would explain the attempt's end better than its record.

    A harness knows that somebody asked it to stop, or that something killed its program. Why, Kubernetes knows: its
    memory limit, its deadline, an eviction.
    """
    if record.error_code == FailureCode.SIGNALLED and record.signal == "SIGKILL":
        return pod.ended
    if record.error_code == FailureCode.CANCELLED:
        # A pod that is being deleted has the reason in its conditions, if there is one.
        return pod.ended or pod.metadata.deletion_timestamp is not None
    return True


def by_record(attempt: Attempt, record: ResultRecord, pod: Pod) -> AttemptFact:
    """What the harness says, and of an end by force what Kubernetes says of that."""
    if record.succeeded:
        return attempt.fact(AttemptPhase.SUCCEEDED, output=record.output)
    if record.error_code in (FailureCode.CANCELLED, FailureCode.SIGNALLED):
        forced = _by_force(attempt, pod)
        if forced is not None:
            return forced
    failure = claimed(record.error_code or FailureCode.SCRIPT_FAILED, record.error_reason or "", attempt.id.step)
    return attempt.fact(AttemptPhase.FAILED, failure=failure)


def by_container(attempt: Attempt, pod: Pod, printed: bytes) -> AttemptFact:
    """What the end of a program without a harness says; `printed` is its log, where its output comes from that."""
    ended = container_state(pod).terminated
    forced = _by_force(attempt, pod)
    if forced is not None or ended is None or ended.reason in _NEVER_STARTED:
        return forced or without_record(attempt, pod)
    name = _signal(ended)
    if name is not None:
        return attempt.failed(FailureCode.SIGNALLED, f"{name} ended the program (exit code {ended.exit_code})")
    if ended.exit_code:
        return attempt.failed(FailureCode.CONTAINER_FAILED, f"the program ended with exit code {ended.exit_code}")
    try:
        output = by_log(printed) if attempt.output_from == "log" else by_message(ended.message)
    except BadOutput as bad:
        return attempt.failed(bad.code, str(bad))
    return attempt.fact(AttemptPhase.SUCCEEDED, output=output)


def without_record(attempt: Attempt, pod: Pod) -> AttemptFact:
    """What is left to say of a pod that ended without a record: why Kubernetes ended it, or its exit code."""
    forced = _by_force(attempt, pod)
    if forced is not None:
        return forced
    ended = container_state(pod).terminated
    if ended is not None:
        return _by_exit(attempt, ended)
    words = f"{pod.status.reason or 'no reason was given'} {pod.status.message}".strip()
    if pod.status.reason:
        return attempt.failed(FailureCode.NODE_REFUSED, f"the node did not run the pod: {words}")
    return attempt.lost(f"the pod ended before its container started: {words}")


def vanished(attempt: Attempt, pod: Pod, reason: str) -> AttemptFact:
    """What is to say of an attempt whose pod was deleted; `reason` where nothing tells more."""
    return _by_force(attempt, pod) or attempt.lost(reason)


def unreported(attempt: Attempt, pod: Pod) -> AttemptFact:
    """The fact about a pod that was to end long ago and whose node has not said that it did."""
    forced = _by_force(attempt, pod)
    if forced is not None:
        return forced
    return attempt.lost(
        "the pod was told to end and its node does not say that it has; whether it still runs is unknown",
        FailureCode.NODE_LOST,
    )


def _by_force(attempt: Attempt, pod: Pod) -> AttemptFact | None:
    """Why Kubernetes ended the pod, or took it away; None where it did not."""
    status, ended = pod.status, container_state(pod).terminated
    if status.reason == "DeadlineExceeded":
        return attempt.failed(FailureCode.DEADLINE, "the pod ran longer than its activeDeadlineSeconds")
    if ended is not None and ended.reason == "OOMKilled":
        return attempt.failed(FailureCode.OOM_KILLED, "the step used more memory than its limit")
    if status.reason == "Evicted":
        full = any(word in status.message.lower() for word in _ROOM)
        code = FailureCode.DISK_FULL if full else FailureCode.EVICTED
        return attempt.failed(code, f"the node evicted the pod: {status.message}")
    if status.reason in _ENDED_BY_NODE:
        return attempt.lost(f"{status.reason}: {status.message}".strip(": "), FailureCode.NODE_LOST)
    target = _disruption(pod)
    if target is None:
        return None
    code, words = _CLEARED[target.reason], f"{target.reason}: {target.message}".strip(": ")
    if code is FailureCode.NODE_LOST:
        return attempt.lost(words, code)
    return attempt.failed(code, f"the cluster took the pod away: {words}")


def _disruption(pod: Pod) -> PodCondition | None:
    for each in pod.status.conditions:
        if each.type == "DisruptionTarget" and each.status == "True" and each.reason in _CLEARED:
            return each
    return None


def _by_exit(attempt: Attempt, ended: Terminated) -> AttemptFact:
    if ended.reason in _NEVER_STARTED:
        return attempt.failed(FailureCode.CONTAINER_FAILED, f"the container cannot start: {ended.message}")
    name = _signal(ended)
    if name is not None:
        # Somebody ended the harness itself, and nobody knows how far the program had come.
        return attempt.lost(f"{name} ended the container before it gave a result", FailureCode.SIGNALLED)
    if ended.exit_code == 0:
        return attempt.lost("the container ended without a result record")
    return attempt.failed(
        FailureCode.CONTAINER_FAILED,
        f"the container ended with exit code {ended.exit_code} and no result record",
    )


def _signal(ended: Terminated) -> str | None:
    """Name of the signal that ended a container; None where it ended by itself."""
    try:
        # Runtimes and the harness say 128 and the number of a program that a signal ended.
        return signal.Signals(ended.signal or ended.exit_code - 128).name
    except ValueError:
        return None


def stuck(attempt: Attempt, pod: Pod, told: str = "", *, patient: bool) -> AttemptFact | None:
    """The fact that a container will never start; None while there is hope. `patient`: it may still be waited."""
    waiting = container_state(pod).waiting
    if waiting is None or (patient and waiting.reason not in _HOPELESS and not _as_root(waiting)):
        return None
    hindrance = _hindrance(attempt, pod, told)
    return replace(hindrance, phase=AttemptPhase.FAILED) if hindrance else None


def may_get_stuck(pod: Pod) -> bool:
    """The container waits for a reason that may never go away."""
    waiting = container_state(pod).waiting
    return waiting is not None and waiting.reason in _IMAGE_REASONS | _CONFIG_REASONS | _HOPELESS


def is_starting(pod: Pod) -> bool:
    """It was created, its program has not begun, and nobody wants it gone."""
    state = container_state(pod)
    lives = not pod.ended and pod.metadata.deletion_timestamp is None
    return lives and state.running is None and state.terminated is None


def lacks_secret(pod: Pod, told: str) -> bool:
    """Its container waits for a Secret, or a key of one, that is not there. `told`: the last warning about the pod."""
    waiting = container_state(pod).waiting
    return waiting is not None and _SECRET.search(f"{waiting.message} {told}") is not None


def alive_fact(attempt: Attempt, pod: Pod, told: str = "") -> AttemptFact:
    """The fact about an attempt whose pod has not come to an end that is known.

    `told`: the last warning about the pod, where its own status says nothing of what it waits for.
    """
    state = container_state(pod)
    if state.running is not None or state.terminated is not None or pod.ended:
        return replace(attempt.fact(AttemptPhase.RUNNING), running_since=_running_since(attempt, state))
    return _hindrance(attempt, pod, told) or attempt.fact(AttemptPhase.CREATED)


def _hindrance(attempt: Attempt, pod: Pod, told: str) -> AttemptFact | None:
    for each in pod.status.conditions:
        if each.type == "PodScheduled" and each.status == "False" and each.message:
            return attempt.hindered(FailureCode.UNSCHEDULABLE, each.message)
    waiting = container_state(pod).waiting
    reason = waiting.reason if waiting else ""
    text = f"{reason}: {waiting.message}".strip(": ") if waiting else ""
    if reason in _IMAGE_REASONS | _HOPELESS:
        return attempt.hindered(FailureCode.IMAGE_PULL_FAILED, text)
    if waiting is not None and _as_root(waiting):
        return attempt.hindered(FailureCode.IMAGE_RUNS_AS_ROOT, waiting.message)
    if waiting is not None and (found := _SECRET.search(f"{waiting.message} {told}")):
        return attempt.hindered(FailureCode.SECRET_MISSING, found[0])
    if reason in _CONFIG_REASONS:
        return attempt.hindered(FailureCode.CONTAINER_CONFIG_INVALID, text)
    if told:
        return attempt.hindered(FailureCode.POD_NOT_READY, told)
    return None


def _as_root(waiting: Waiting) -> bool:
    return waiting.reason in _CONFIG_REASONS and _AS_ROOT in waiting.message


def _running_since(attempt: Attempt, state: ContainerState) -> datetime | None:
    """When the program started, where nobody in its container keeps the time."""
    started = state.running.started_at if state.running is not None else None
    return datetime.fromisoformat(started) if attempt.output_from and started else None


def is_being_made(pod: Pod) -> bool:
    """The pod has a node, and its container is not there yet for a reason that its status does not tell."""
    scheduled = any(each.type == "PodScheduled" and each.status == "True" for each in pod.status.conditions)
    state = container_state(pod)
    if not scheduled or pod.ended or state.running is not None or state.terminated is not None:
        return False
    return state.waiting is None or state.waiting.reason in ("ContainerCreating", "PodInitializing", "")
