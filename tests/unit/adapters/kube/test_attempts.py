"""What is said of an attempt that gave no record, or never came to run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from penstock.adapters.kube.attempts import PULL_PATIENCE, alive_fact, attempt_of, stuck, without_record
from penstock.engine.facts import AttemptPhase
from tests.unit.adapters.kube.samples import a_job, a_pod

ATTEMPT = attempt_of(a_job())
assert ATTEMPT is not None


def ended(**terminated: Any) -> dict[str, Any]:
    return {"terminated": {"exitCode": 1, **terminated}}


@pytest.mark.parametrize(
    ("pod", "phase", "code", "said"),
    [
        pytest.param(
            a_pod(phase="Failed", state=ended(exitCode=137, reason="OOMKilled")),
            AttemptPhase.FAILED, "OUT_OF_MEMORY", "limits.memory", id="out of memory",
        ),
        pytest.param(
            a_pod(phase="Failed", reason="DeadlineExceeded"),
            AttemptPhase.FAILED, "TIMED_OUT", "deadline", id="deadline",
        ),
        pytest.param(
            a_pod(phase="Failed", reason="Evicted", message="disk pressure"),
            AttemptPhase.FAILED, "EVICTED", "disk pressure", id="evicted",
        ),
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
            AttemptPhase.LOST, "LOST", "killed", id="killed",
        ),
        pytest.param(
            a_pod(phase="Failed", reason="NodeLost"), AttemptPhase.LOST, "LOST", "NodeLost", id="node gone"
        ),
    ],
)  # fmt: skip
def test_an_end_without_a_record_is_explained(pod: Any, phase: AttemptPhase, code: str, said: str):
    assert ATTEMPT is not None
    fact = without_record(ATTEMPT, pod)

    assert fact.phase is phase
    assert fact.failure is not None
    assert (fact.failure.code, fact.digest, fact.uid) == (code, "sha256:d", "job-uid")
    assert said in fact.failure.reason


def waiting(reason: str) -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": "it says why"}}


@pytest.mark.parametrize(
    ("reason", "waited", "code"),
    [
        ("ImagePullBackOff", timedelta(0), None),
        ("ImagePullBackOff", PULL_PATIENCE, "IMAGE_PULL_FAILED"),
        ("ErrImagePull", PULL_PATIENCE, "IMAGE_PULL_FAILED"),
        ("InvalidImageName", timedelta(0), "IMAGE_INVALID"),
        ("CreateContainerConfigError", timedelta(0), None),
        ("CreateContainerConfigError", PULL_PATIENCE, "CONTAINER_CONFIG_INVALID"),
        ("ContainerCreating", PULL_PATIENCE * 10, None),
    ],
)
def test_a_container_that_will_never_start_fails_the_attempt(reason: str, waited: timedelta, code: str | None):
    assert ATTEMPT is not None
    fact = stuck(ATTEMPT, a_pod(state=waiting(reason)), waited)

    assert (fact.failure.code if fact and fact.failure else None) == code
    if fact is not None and fact.failure is not None:
        assert fact.failure.reason == f"{reason}: it says why"


def test_an_attempt_that_waits_for_a_node_says_so():
    assert ATTEMPT is not None
    condition = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available: insufficient memory"}
    fact = alive_fact(ATTEMPT, a_pod(conditions=[condition]))

    assert fact.phase is AttemptPhase.CREATED
    assert fact.message == "waits for a node: 0/1 nodes are available: insufficient memory"


def test_a_job_without_our_annotations_is_no_attempt():
    job = a_job(metadata={"name": "other"})

    assert attempt_of(job) is None
