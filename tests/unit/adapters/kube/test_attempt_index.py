from __future__ import annotations

import pytest

from penstock.adapters.kube.attempt_index import AttemptIndex
from penstock.adapters.kube.objects import Pod
from tests.unit.adapters.kube.samples import a_job, a_pod


def test_jobs_are_found_by_their_run_and_pods_by_their_job():
    index = AttemptIndex()
    job, pod = a_job(), a_pod()
    index.job_changed(None, job)
    index.pod_changed(None, pod)

    assert list(index.jobs_of("run-uid")) == [job]
    assert list(index.jobs_of("another")) == []
    assert index.pod_of("job-uid") == pod


def test_a_pod_that_was_deleted_is_remembered_as_lost():
    index = AttemptIndex()
    index.job_changed(None, a_job())
    index.pod_changed(None, a_pod())
    assert not index.lost_pod("job-uid")

    index.pod_changed(a_pod(), None)

    assert index.pod_of("job-uid") is None
    assert index.lost_pod("job-uid")


def test_nothing_stays_of_a_job_that_is_gone():
    index = AttemptIndex()
    index.job_changed(None, a_job())
    index.pod_changed(None, a_pod())
    index.pod_changed(a_pod(), None)
    index.job_changed(a_job(), None)

    assert list(index.jobs_of("run-uid")) == []
    assert not index.lost_pod("job-uid")


def test_pods_and_jobs_of_others_are_left_alone():
    index = AttemptIndex()
    index.job_changed(None, a_job(metadata={"name": "x", "uid": "u"}))

    assert list(index.jobs_of("")) == []


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(a_pod(state={"running": {}}), id="its program runs"),
        pytest.param(a_pod(phase="Failed"), id="it never will"),
        pytest.param(a_pod(deleted="2026-01-02T12:01:00Z"), id="it is told to end"),
        pytest.param(None, id="it is gone"),
    ],
)
def test_an_attempt_is_starting_until_its_program_runs_or_never_will(later: Pod | None):
    index = AttemptIndex()
    assert not index.starting

    index.pod_changed(None, a_pod())
    assert index.starting

    index.pod_changed(a_pod(), later)
    assert not index.starting
