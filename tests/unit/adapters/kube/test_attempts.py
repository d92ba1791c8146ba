"""What is said of an attempt: of its record, of its end by force, of what keeps it from starting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.adapters.kube.attempts import (
    Attempt,
    alive_fact,
    attempt_of,
    by_container,
    by_record,
    is_being_made,
    is_last_word,
    lacks_secret,
    stuck,
    unreported,
    vanished,
    without_record,
)
from penstock.adapters.kube.objects import Pod
from penstock.engine.facts import AttemptPhase
from penstock.engine.result_records import ResultRecord, Usage
from tests.unit.adapters.kube.samples import a_job, a_pod

ATTEMPT = attempt_of(a_job())
assert ATTEMPT is not None


def ended(**terminated: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, **terminated}}


def disrupted(reason: str) -> dict[str, Any]:
    return {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "it says why"}


FORCED = [
    pytest.param(
        a_pod(phase="Failed", state=ended(exitCode=137, reason="OOMKilled")),
        AttemptPhase.FAILED, "OOM_KILLED", "more memory than its limit", id="out of memory",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="DeadlineExceeded"),
        AttemptPhase.FAILED, "DEADLINE", "activeDeadlineSeconds", id="deadline",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory."),
        AttemptPhase.FAILED, "EVICTED", "low on resource: memory", id="evicted",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="Evicted", message='Usage of EmptyDir volume "work" exceeds the limit "1Gi". '),
        AttemptPhase.FAILED, "DISK_FULL", 'EmptyDir volume "work"', id="work folder full",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="Evicted", message="The node was low on resource: ephemeral-storage."),
        AttemptPhase.FAILED, "DISK_FULL", "ephemeral-storage", id="node's disk full",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="NodeLost", message="Node 7 is gone"),
        AttemptPhase.LOST, "NODE_LOST", "Node 7 is gone", id="node gone",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="Terminated", message="Pod was terminated in response to imminent node shutdown."),
        AttemptPhase.LOST, "NODE_LOST", "node shutdown", id="node shut down",
    ),
    pytest.param(
        a_pod(phase="Failed", conditions=[disrupted("DeletionByPodGC")]),
        AttemptPhase.LOST, "NODE_LOST", "it says why", id="collected after its node",
    ),
    pytest.param(
        a_pod(phase="Failed", conditions=[disrupted("EvictionByEvictionAPI")], state=ended(exitCode=143)),
        AttemptPhase.FAILED, "EVICTED", "it says why", id="drained",
    ),
    pytest.param(
        a_pod(phase="Failed", conditions=[disrupted("PreemptionByScheduler")]),
        AttemptPhase.FAILED, "EVICTED", "it says why", id="preempted",
    ),
]  # fmt: skip
"""Ends by force: the pod, and what is said of it."""

UNEXPLAINED = [
    pytest.param(
        a_pod(phase="Failed", state=ended(exitCode=128, reason="StartError", message="no such file")),
        AttemptPhase.FAILED, "CONTAINER_FAILED", "no such file", id="cannot start",
    ),
    pytest.param(
        a_pod(phase="Failed", state=ended(exitCode=3)),
        AttemptPhase.FAILED, "CONTAINER_FAILED", "exit code 3", id="exit code",
    ),
    pytest.param(
        a_pod(phase="Succeeded", state=ended(exitCode=0)),
        AttemptPhase.LOST, "LOST", "without a result", id="silent success",
    ),
    pytest.param(
        a_pod(phase="Failed", state=ended(exitCode=137)),
        AttemptPhase.LOST, "SIGNALLED", "SIGKILL", id="killed",
    ),
    pytest.param(
        a_pod(phase="Failed", reason="OutOfcpu", message="Pod was rejected: Node didn't have enough resource: cpu"),
        AttemptPhase.FAILED, "NODE_REFUSED", "enough resource: cpu", id="node refuses",
    ),
    pytest.param(a_pod(phase="Failed"), AttemptPhase.LOST, "LOST", "no reason was given", id="nothing said"),
]  # fmt: skip


@pytest.mark.parametrize(("pod", "phase", "code", "said"), [*FORCED, *UNEXPLAINED])
def test_an_end_without_a_record_is_explained(pod: Pod, phase: AttemptPhase, code: str, said: str):
    assert ATTEMPT is not None
    fact = without_record(ATTEMPT, pod)

    assert fact.phase is phase
    assert fact.failure is not None
    assert (fact.failure.code, fact.digest, fact.uid) == (code, "sha256:d", "job-uid")
    assert said in fact.failure.reason


def a_record(code: str | None, reason: str = "in its own words", signal: str | None = None) -> ResultRecord:
    usage = Usage(0.1, 0.1, 1)
    return ResultRecord(None if signal else 1, signal, None, False, code, reason, usage, "bash", ())


KILLED = a_record("SIGNALLED", signal="SIGKILL")
ASKED = a_record("CANCELLED")


@pytest.mark.parametrize("record", [KILLED, ASKED], ids=["killed", "asked to stop"])
@pytest.mark.parametrize(("pod", "phase", "code", "said"), FORCED)
def test_an_end_by_force_is_explained_by_whoever_used_it(
    record: ResultRecord, pod: Pod, phase: AttemptPhase, code: str, said: str
):
    assert ATTEMPT is not None
    fact = by_record(ATTEMPT, record, pod)

    assert (fact.phase, fact.failure and fact.failure.code) == (phase, code)
    assert fact.failure is not None
    assert said in fact.failure.reason


@pytest.mark.parametrize(
    ("record", "pod", "last"),
    [
        pytest.param(KILLED, a_pod(phase="Running"), False, id="killed, nobody has said by whom"),
        pytest.param(KILLED, a_pod(phase="Failed"), True, id="killed, and the pod has ended"),
        pytest.param(a_record("SIGNALLED", signal="SIGSEGV"), a_pod(phase="Running"), True, id="its own fault"),
        pytest.param(ASKED, a_pod(phase="Running"), False, id="asked to stop, nobody has said why"),
        pytest.param(ASKED, a_pod(phase="Running", deleted="2026-01-02T12:00:09Z"), True, id="deleted"),
        pytest.param(a_record("NO_STOCK"), a_pod(phase="Running"), True, id="a failure of its own"),
        pytest.param(a_record(None), a_pod(phase="Running"), True, id="success"),
    ],
)
def test_only_a_record_of_an_end_by_force_waits_for_the_pod(record: ResultRecord, pod: Pod, last: bool):
    assert is_last_word(record, pod) is last


@pytest.mark.parametrize(
    ("record", "code", "reason"),
    [
        pytest.param(a_record("NO_STOCK"), "NO_STOCK", "in its own words", id="a script's own"),
        pytest.param(a_record("OUTPUT_INVALID"), "OUTPUT_INVALID", "in its own words", id="the harness's"),
        pytest.param(a_record("OOM_KILLED"), "SCRIPT_FAILED", "OOM_KILLED: in its own words", id="posing"),
        pytest.param(KILLED, "SIGNALLED", "in its own words", id="killed, and Kubernetes knows nothing of it"),
    ],
)
def test_a_record_is_believed_as_far_as_it_can_know(record: ResultRecord, code: str, reason: str):
    assert ATTEMPT is not None
    failure = by_record(ATTEMPT, record, a_pod(phase="Failed", state=ended())).failure

    assert failure is not None
    assert (failure.code, failure.reason, failure.step) == (code, reason, "charge")


@pytest.mark.parametrize(
    ("pod", "code"),
    [
        (a_pod(phase="Running"), "LOST"),
        (a_pod(phase="Running", conditions=[disrupted("DeletionByTaintManager")]), "NODE_LOST"),
        (a_pod(phase="Running", conditions=[disrupted("EvictionByEvictionAPI")]), "EVICTED"),
    ],
    ids=["nobody knows", "its node was lost", "drained"],
)
def test_a_pod_that_vanished_is_missed_for_the_reason_that_was_last_seen(pod: Pod, code: str):
    assert ATTEMPT is not None
    failure = vanished(ATTEMPT, pod, "it is gone").failure

    assert failure is not None
    assert failure.code == code


def test_a_pod_whose_node_never_reports_its_end_is_lost_with_the_node():
    assert ATTEMPT is not None
    fact = unreported(ATTEMPT, a_pod(phase="Running", deleted="2026-01-02T12:00:09Z"))

    assert (fact.phase, fact.failure and fact.failure.code) == (AttemptPhase.LOST, "NODE_LOST")


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": "it says why"}}


@pytest.mark.parametrize(
    ("reason", "patient", "code"),
    [
        ("ImagePullBackOff", True, None),
        ("ImagePullBackOff", False, "IMAGE_PULL_FAILED"),
        ("ErrImagePull", False, "IMAGE_PULL_FAILED"),
        ("InvalidImageName", True, "IMAGE_PULL_FAILED"),
        ("CreateContainerConfigError", True, None),
        ("CreateContainerConfigError", False, "CONTAINER_CONFIG_INVALID"),
        ("ContainerCreating", False, None),
    ],
)
def test_a_container_that_will_never_start_fails_the_attempt(reason: str, patient: bool, code: str | None):
    assert ATTEMPT is not None
    fact = stuck(ATTEMPT, a_pod(state=waiting(reason)), patient=patient)

    assert (fact.failure.code if fact and fact.failure else None) == code
    if fact is not None and fact.failure is not None:
        assert fact.phase is AttemptPhase.FAILED
        assert f"{reason}: it says why" in fact.failure.reason


@pytest.mark.parametrize(
    ("reason", "message", "told", "said"),
    [
        ("CreateContainerConfigError", 'secret "db" not found', "", 'secret "db" not found'),
        (
            "CreateContainerConfigError",
            "couldn't find key PASSWORD in Secret sales/db",
            "",
            "couldn't find key PASSWORD in Secret sales/db",
        ),
        (
            "ContainerCreating",
            "",
            'FailedMount: MountVolume.SetUp failed for volume "secret-0" : secret "db" not found',
            'secret "db" not found',
        ),
    ],
)
def test_a_secret_that_is_missing_is_told_from_all_else(reason: str, message: str, told: str, said: str):
    assert ATTEMPT is not None
    pod = a_pod(state={"waiting": {"reason": reason, "message": message}})

    assert lacks_secret(pod, told)
    assert stuck(ATTEMPT, pod, told, patient=True) is None
    fact = stuck(ATTEMPT, pod, told, patient=False)
    assert fact is not None
    assert fact.failure is not None
    assert (fact.failure.code, fact.failure.reason) == ("SECRET_MISSING", f"a Secret is missing: {said}")


def test_what_else_is_missing_is_no_secret():
    pod = a_pod(state={"waiting": {"reason": "CreateContainerConfigError", "message": 'configmap "ca" not found'}})
    assert not lacks_secret(pod, 'FailedMount: configmap "ca" not found')


SCHEDULED = {"type": "PodScheduled", "status": "True"}
UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "message": "0/1 nodes are available: 1 Insufficient memory.",
}


@pytest.mark.parametrize(
    ("pod", "told", "code", "reason"),
    [
        (
            a_pod(conditions=[UNSCHEDULED]), "",
            "UNSCHEDULABLE", "pod is not scheduled: 0/1 nodes are available: 1 Insufficient memory.",
        ),
        (
            a_pod(conditions=[SCHEDULED], state=waiting("ImagePullBackOff")), "",
            "IMAGE_PULL_FAILED", "the image cannot be had: ImagePullBackOff: it says why",
        ),
        (
            a_pod(conditions=[SCHEDULED], state=waiting("ContainerCreating")), "FailedMount: no such ConfigMap",
            "POD_NOT_READY", "the pod cannot be made ready: FailedMount: no such ConfigMap",
        ),
    ],
    ids=["no node", "no image", "no volume"],
)  # fmt: skip
def test_what_keeps_an_attempt_from_starting_is_said(pod: Pod, told: str, code: str, reason: str):
    assert ATTEMPT is not None
    fact = alive_fact(ATTEMPT, pod, told)

    assert fact.phase is AttemptPhase.CREATED
    assert fact.failure is not None
    assert (fact.failure.code, fact.failure.reason) == (code, reason)


@pytest.mark.parametrize(
    ("pod", "made"),
    [
        (a_pod(conditions=[SCHEDULED], state=waiting("ContainerCreating")), True),
        (a_pod(conditions=[SCHEDULED]), True),
        (a_pod(conditions=[UNSCHEDULED]), False),
        (a_pod(conditions=[SCHEDULED], state=waiting("ImagePullBackOff")), False),
        (a_pod(conditions=[SCHEDULED], state={"running": {}}), False),
    ],
    ids=["creating", "nothing said", "no node", "no image", "running"],
)
def test_only_a_pod_whose_status_is_silent_is_asked_about(pod: Pod, made: bool):
    assert is_being_made(pod) is made


def test_a_job_without_our_annotations_is_no_attempt():
    job = a_job(metadata={"name": "other"})

    assert attempt_of(job) is None


CONTAINER = replace(ATTEMPT, output_from="terminationMessage")
LOGGED = replace(ATTEMPT, output_from="log")


def succeeded(message: str = "") -> Pod:
    return a_pod(phase="Succeeded", state=ended(exitCode=0, message=message))


@pytest.mark.parametrize(
    ("attempt", "pod", "printed", "output"),
    [
        pytest.param(CONTAINER, succeeded('{"id": 7}'), b"[1]", {"id": 7}, id="termination message"),
        pytest.param(CONTAINER, succeeded(), b"[1]", None, id="none"),
        pytest.param(LOGGED, succeeded("7"), b"working\n[1]\n", [1], id="log"),
    ],
)
def test_a_container_without_a_harness_gives_back_what_its_step_says(
    attempt: Attempt, pod: Pod, printed: bytes, output: Any
):
    fact = by_container(attempt, pod, printed)
    assert (fact.phase, fact.output) == (AttemptPhase.SUCCEEDED, output)


@pytest.mark.parametrize(
    ("pod", "code", "words"),
    [
        pytest.param(
            a_pod(phase="Failed", state=ended(exitCode=3)), "CONTAINER_FAILED", "ended with exit code 3", id="exit code"
        ),
        pytest.param(
            a_pod(phase="Failed", state=ended(exitCode=139)), "SIGNALLED", "SIGSEGV ended the program", id="signal"
        ),
        pytest.param(
            a_pod(phase="Failed", state=ended(exitCode=137, reason="OOMKilled")), "OOM_KILLED", "memory", id="memory"
        ),
        pytest.param(
            a_pod(phase="Failed", state=ended(exitCode=128, reason="StartError", message="exec: no such file")),
            "CONTAINER_FAILED",
            "exec: no such file",
            id="no such program",
        ),
        pytest.param(
            a_pod(phase="Failed", reason="Evicted", message="low on memory", state=ended(exitCode=137)),
            "EVICTED",
            "low on memory",
            id="evicted",
        ),
        pytest.param(succeeded("x" * 4096), "OUTPUT_TOO_LARGE", "outputFrom: log", id="too much output"),
    ],
)
def test_how_a_container_without_a_harness_failed_is_told_apart(pod: Pod, code: str, words: str):
    fact = by_container(CONTAINER, pod, b"")
    assert fact.failure is not None
    assert (fact.phase, fact.failure.code) == (AttemptPhase.FAILED, code)
    assert words in fact.failure.reason


def test_an_image_that_would_run_as_root_never_starts_and_the_fix_is_known_at_once():
    message = "container has runAsNonRoot and image will run as root (pod: default/job-1, container: step)"
    pod = a_pod(phase="Pending", state={"waiting": {"reason": "CreateContainerConfigError", "message": message}})
    fact = stuck(CONTAINER, pod, patient=True)
    assert fact is not None
    assert fact.failure is not None
    assert fact.failure.code == "IMAGE_RUNS_AS_ROOT"
    assert message in fact.failure.reason


def test_only_of_a_container_without_a_harness_the_start_is_noted():
    pod = a_pod(phase="Running", state={"running": {"startedAt": "2026-01-02T12:00:01Z"}})
    assert alive_fact(CONTAINER, pod).running_since == datetime(2026, 1, 2, 12, 0, 1, tzinfo=UTC)
    assert alive_fact(ATTEMPT, pod).running_since is None
