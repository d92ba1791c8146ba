"""Runs, commands, Jobs and pods for the tests of the Kubernetes adapter."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.adapters.kube.objects import Job, Pod
from penstock.api.v1alpha1.run import RequestedBy, WorkflowRun
from penstock.engine.commands import StartAttempt
from penstock.engine.identifiers import attempt_name
from penstock.engine.model import AttemptId
from penstock.testing.builders import a_run

IMAGE = "registry.example/penstock-runtime-python@sha256:" + "1" * 64
NONCE = "0123456789abcdef"


def a_live_run(name: str = "order-1", uid: str = "run-uid") -> WorkflowRun:
    """A run as the API server gives it."""
    run = a_run(name=name, requested_by=RequestedBy(user="bob", client="agent-7"))
    return run.model_copy(update={"metadata": run.metadata.model_copy(update={"uid": uid, "resource_version": "7"})})


def a_start(run: WorkflowRun, step: str = "charge", attempt: int = 1, **program: Any) -> StartAttempt:
    """The command to start an attempt; `program` changes what runs."""
    what = {
        "kind": "script",
        "runtime": "python",
        "source": "output(1)",
        "dependencies": [],
        "env": [],
        "image": IMAGE,
        **program,
    }
    document = {
        "context": {"order_total": 99.5},
        "steps": {},
        "item": None,
        "run": {"name": run.metadata.name, "namespace": run.metadata.namespace},
        "step": step,
        "attempt": attempt,
        "idempotencyKey": f"{run.metadata.uid}/{step}/{attempt}",
    }
    name = attempt_name(run.metadata.name, run.metadata.uid, step, attempt)
    return StartAttempt(AttemptId(step, attempt), name, "sha256:" + "a" * 64, what, document)


def a_job(*, name: str = "job-1", uid: str = "job-uid", run_uid: str = "run-uid", **fields: Any) -> Job:
    """A managed Job of an attempt."""
    meta = {
        "name": name,
        "namespace": "default",
        "uid": uid,
        "resourceVersion": "5",
        "creationTimestamp": "2026-01-02T12:00:00Z",
        "labels": {"penstock.dev/run": "order-1"},
        "annotations": {
            "penstock.dev/step": "charge",
            "penstock.dev/attempt": "1",
            "penstock.dev/digest": "sha256:d",
            "penstock.dev/nonce": NONCE,
        },
        "ownerReferences": [{"kind": "WorkflowRun", "name": "order-1", "uid": run_uid, "controller": True}],
    }
    return msgspec.convert({"metadata": meta, "spec": {"managedBy": "penstock.dev/operator"}, **fields}, Job)


def a_pod(
    *, state: dict[str, Any] | None = None, job_uid: str = "job-uid", deleted: str | None = None, **status: Any
) -> Pod:
    """A pod of an attempt whose container is in `state`; `deleted`: when it was told to end by."""
    meta = {
        "name": "job-1",
        "namespace": "default",
        "uid": "pod-uid",
        "resourceVersion": "6",
        "deletionTimestamp": deleted,
        "labels": {"penstock.dev/run": "order-1"},
        "ownerReferences": [{"kind": "Job", "name": "job-1", "uid": job_uid, "controller": True}],
    }
    containers = [{"name": "step", "state": state}] if state else []
    return msgspec.convert({"metadata": meta, "status": {"containerStatuses": containers, **status}}, Pod)
