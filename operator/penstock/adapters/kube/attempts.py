"""What a pod's state and a harness's record say of an attempt. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from penstock.adapters.kube.manifests import CONTAINER
from penstock.adapters.kube.objects import ContainerState, Job, Pod, Terminated
from penstock.engine.facts import AttemptFact, AttemptPhase
from penstock.engine.model import AttemptId, Failure
from penstock.engine.result_records import ResultRecord

PULL_PATIENCE = timedelta(minutes=2)
"""How long an image may fail to come before the attempt has failed: registries stumble."""

_KILLED = frozenset({137, 143})
"""128 and SIGKILL, SIGTERM: somebody ended the harness itself, and nobody knows how far the program had come."""
_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "SignatureValidationFailed"})
_HOPELESS = {"InvalidImageName": "IMAGE_INVALID", "ErrImageNeverPull": "IMAGE_PULL_FAILED"}
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


@dataclass(frozen=True, slots=True)
class Attempt:
    """Which attempt a Job stands for, by its own annotations."""

    id: AttemptId
    digest: str
    uid: str
    nonce: str

    def fact(
        self, phase: AttemptPhase, *, output: Any = None, failure: Failure | None = None, message: str | None = None
    ) -> AttemptFact:
        """A fact about this attempt."""
        return AttemptFact(phase, self.digest, self.uid, output, failure, message)

    def failed(self, code: str, reason: str) -> AttemptFact:
        """The fact that it failed."""
        return self.fact(AttemptPhase.FAILED, failure=Failure(code, reason, self.id.step))

    def lost(self, reason: str) -> AttemptFact:
        """The fact that nobody knows whether it ran."""
        return self.fact(AttemptPhase.LOST, failure=Failure("LOST", reason, self.id.step))


def attempt_of(job: Job) -> Attempt | None:
    """The attempt of a Job; None for a Job that is none of ours."""
    notes = job.metadata.annotations
    if not notes.step or not notes.attempt.isdigit():
        return None
    batch = int(notes.batch) if notes.batch.isdigit() else None
    return Attempt(AttemptId(notes.step, int(notes.attempt), batch), notes.digest, job.metadata.uid, notes.nonce)


def container_state(pod: Pod) -> ContainerState:
    """The state of the step's container; empty before the kubelet has said anything."""
    for each in pod.status.container_statuses:
        if each.name == CONTAINER:
            return each.state
    return ContainerState()


def by_record(attempt: Attempt, record: ResultRecord) -> AttemptFact:
    """What the harness says."""
    if record.succeeded:
        return attempt.fact(AttemptPhase.SUCCEEDED, output=record.output)
    return attempt.failed(record.error_code or "SCRIPT_FAILED", record.error_reason or "the step failed")


def without_record(attempt: Attempt, pod: Pod) -> AttemptFact:
    """What is left to say of a pod that ended without a record: why Kubernetes ended it, or its exit code."""
    ended = container_state(pod).terminated
    if pod.status.reason == "DeadlineExceeded":
        return attempt.failed("TIMED_OUT", "the pod ran longer than its deadline")
    if pod.status.reason == "Evicted":
        return attempt.failed("EVICTED", f"the node evicted the pod: {pod.status.message}")
    if ended is None:
        reason = pod.status.reason or "no reason was given"
        return attempt.lost(f"the pod ended before its container started: {reason} {pod.status.message}".strip())
    return _by_exit(attempt, ended)


def _by_exit(attempt: Attempt, ended: Terminated) -> AttemptFact:
    if ended.reason == "OOMKilled":
        return attempt.failed(
            "OUT_OF_MEMORY", "the step used more memory than its limit; raise resources.limits.memory"
        )
    if ended.reason in ("StartError", "ContainerCannotRun"):
        return attempt.failed("CONTAINER_FAILED", f"the container cannot start: {ended.message}")
    if ended.exit_code in _KILLED:
        return attempt.lost("the container was killed before it gave a result")
    if ended.exit_code == 0:
        return attempt.lost("the container ended without a result record")
    return attempt.failed(
        "CONTAINER_FAILED", f"the container ended with exit code {ended.exit_code} and no result record"
    )


def stuck(attempt: Attempt, pod: Pod, waited: timedelta) -> AttemptFact | None:
    """The fact that a container will never start; None while there is hope."""
    waiting = container_state(pod).waiting
    if waiting is None:
        return None
    text = f"{waiting.reason}: {waiting.message}".strip(": ")
    if waiting.reason in _HOPELESS:
        return attempt.failed(_HOPELESS[waiting.reason], text)
    if waited < PULL_PATIENCE:
        return None
    if waiting.reason in _IMAGE_REASONS:
        return attempt.failed("IMAGE_PULL_FAILED", text)
    if waiting.reason in _CONFIG_REASONS:
        return attempt.failed("CONTAINER_CONFIG_INVALID", text)
    return None


def may_get_stuck(pod: Pod) -> bool:
    """The container waits for a reason that may never go away."""
    waiting = container_state(pod).waiting
    return waiting is not None and waiting.reason in _IMAGE_REASONS | _CONFIG_REASONS | _HOPELESS.keys()


def alive_fact(attempt: Attempt, pod: Pod) -> AttemptFact:
    """The fact about an attempt whose pod has not come to an end that is known."""
    state = container_state(pod)
    if state.running is not None or state.terminated is not None or pod.ended:
        return attempt.fact(AttemptPhase.RUNNING)
    return attempt.fact(AttemptPhase.CREATED, message=_waits_for(pod))


def _waits_for(pod: Pod) -> str | None:
    for each in pod.status.conditions:
        if each.type == "PodScheduled" and each.status == "False" and each.message:
            return f"waits for a node: {each.message}"
    return None
