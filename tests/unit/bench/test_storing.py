"""Copies of a run, its Job and its pod: the same to the operator, and nobody else takes them for his."""

from __future__ import annotations

from typing import Any

from bench.storing import Pattern, job_like, pod_like, run_like

OWNER = {"kind": "WorkflowRun", "name": "one-step", "uid": "run-uid", "controller": True}
RUN = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "WorkflowRun",
    "metadata": {"name": "one-step", "uid": "run-uid"},
    "spec": {"workflow": {"name": "one-step"}, "requestedBy": {"user": "admin"}},
}
JOB: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {
        "name": "one-step-a-1",
        "uid": "job-uid",
        "labels": {"penstock.dev/run": "one-step"},
        "annotations": {"penstock.dev/digest": "sha256:1"},
        "ownerReferences": [OWNER],
    },
    "spec": {
        "managedBy": "penstock.dev/operator",
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": "job-uid"}},
        "template": {
            "metadata": {"labels": {"penstock.dev/run": "one-step", "controller-uid": "job-uid"}},
            "spec": {"containers": [{"name": "step"}]},
        },
    },
}
POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "one-step-a-1",
        "labels": {"penstock.dev/run": "one-step", "controller-uid": "job-uid"},
        "annotations": {"penstock.dev/nonce": "n"},
        "ownerReferences": [{"kind": "Job", "name": "one-step-a-1", "uid": "job-uid", "controller": True}],
    },
    "spec": {"nodeName": "node-1", "priority": 0, "containers": [{"name": "step"}]},
}
PATTERN = Pattern(RUN, JOB, POD)


def made(body: dict[str, Any], uid: str) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "uid": uid}}


def test_a_run_is_asked_for_anew_and_not_in_the_name_of_whoever_asked_for_the_first():
    assert run_like(PATTERN, "ended-1") == {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": "ended-1"},
        "spec": {"workflow": {"name": "one-step"}},
    }


def test_a_job_is_that_of_its_run_and_selects_its_own_pods():
    job = job_like(PATTERN, "ended-1-a", made(run_like(PATTERN, "ended-1"), "new-run"))

    assert job["metadata"]["ownerReferences"] == [{**OWNER, "name": "ended-1", "uid": "new-run"}]
    assert job["metadata"]["labels"] == job["spec"]["template"]["metadata"]["labels"] == {"penstock.dev/run": "ended-1"}
    assert job["metadata"]["annotations"] == {"penstock.dev/digest": "sha256:1"}
    assert "selector" not in job["spec"]
    assert "selector" in JOB["spec"]


def test_a_pod_is_that_of_its_job_and_on_no_node():
    job = made(job_like(PATTERN, "ended-1-a", made(run_like(PATTERN, "ended-1"), "new-run")), "new-job")
    pod = pod_like(PATTERN, job)

    assert pod["metadata"]["labels"] == {"penstock.dev/run": "ended-1"}
    assert pod["metadata"]["ownerReferences"][0]["uid"] == "new-job"
    assert "nodeName" not in pod["spec"]
    assert pod["spec"]["schedulerName"] == "nobody"
