from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.adapters.kube.job_status import closing_patch
from penstock.adapters.kube.objects import Pod
from tests.unit.adapters.kube.samples import a_job, a_pod

NOW = datetime(2026, 1, 2, 12, 0, 9, tzinfo=UTC)


def conditions(status: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["type"], each["reason"]) for each in status["conditions"]]


def test_a_job_whose_pod_succeeded_is_complete():
    pod = a_pod(phase="Succeeded", startTime="2026-01-02T12:00:01Z")

    status = closing_patch(a_job(), pod, NOW)["status"]

    assert conditions(status) == [("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached")]
    assert (status["succeeded"], status["active"], status["uncountedTerminatedPods"]) == (1, 0, {})
    assert (status["startTime"], status["completionTime"]) == ("2026-01-02T12:00:01Z", "2026-01-02T12:00:09Z")


def test_a_job_is_complete_since_its_program_ended_however_late_that_is_written():
    state = {"terminated": {"exitCode": 0, "finishedAt": "2026-01-02T12:00:04Z"}}

    status = closing_patch(a_job(), a_pod(phase="Succeeded", state=state), NOW)["status"]

    assert status["completionTime"] == "2026-01-02T12:00:04Z"


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        pytest.param(a_pod(phase="Failed"), "BackoffLimitExceeded", id="failed"),
        pytest.param(a_pod(phase="Failed", reason="DeadlineExceeded"), "DeadlineExceeded", id="deadline"),
        pytest.param(None, "PodGone", id="no pod"),
    ],
)
def test_a_job_whose_pod_did_not_succeed_has_failed(pod: Pod | None, reason: str):
    status = closing_patch(a_job(), pod, NOW)["status"]

    assert conditions(status) == [("FailureTarget", reason), ("Failed", reason)]
    assert status["failed"] == 1
    assert "completionTime" not in status


def test_a_job_never_ends_before_it_started():
    ahead = a_pod(phase="Succeeded", startTime="2026-01-02T12:00:30Z")

    status = closing_patch(a_job(), ahead, NOW)["status"]

    assert status["completionTime"] >= status["startTime"]


def test_a_start_time_that_is_there_is_kept():
    job = a_job(status={"startTime": "2026-01-02T11:59:00Z"})

    assert closing_patch(job, a_pod(phase="Failed"), NOW)["status"]["startTime"] == "2026-01-02T11:59:00Z"
