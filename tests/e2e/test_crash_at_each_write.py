"""The operator killed before and after each of its API writes: the run ends the same, one Job an attempt.

The operator in the cluster is stopped; one on this machine, with the same ServiceAccount, drives each namespace. Each
cycle has a namespace of its own, so some can go on at once while each process still dies at exactly one write.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, RELEASE, SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.host_operator import HostOperator, OperatorConfig, allow_lease, operator_config
from tests.support.installation import Installation, put_authorities
from tests.support.tenant import LEAD, Tenant, a_step, a_workflow

AT_ONCE = 3
"""Cycles that go on at the same time: two processors are busy with these."""
KILLED = 137
APPROVAL = {"approvers": {"users": [LEAD.name]}, "message": "Go on?"}
WORKFLOW = a_workflow(
    "crashes",
    a_step("first", "output({'number': 20})"),
    a_step(
        "second", "output(steps.first.output['number'] + 1)", needs=["first"], requiresApproval=APPROVAL
    ),
    a_step("third", "output(steps.second.output * 2)", needs=["second"]),
)
STEPS = ["first", "second", "third"]
OUTPUT = 42


@dataclass(frozen=True, slots=True)
class Ending:
    """What has to be the same however often the operator died."""

    phase: str
    output: object
    steps: tuple[tuple[str, str, int], ...]
    decided_by: tuple[str, ...]
    jobs: tuple[int, ...]
    """How often the Job of each step was created, by the API server's audit log."""
    pods: tuple[int, ...]
    requests: int
    request_phase: str


ENDING = Ending(
    phase="Succeeded",
    output=OUTPUT,
    steps=tuple((name, "Succeeded", 1) for name in STEPS),
    decided_by=(LEAD.name,),
    jobs=(1, 1, 1),
    pods=(1, 1, 1),
    requests=1,
    request_phase="Approved",
)


class Stage:
    """A namespace with the Workflow and one run, and an operator that can be killed."""

    def __init__(self, cluster: Cluster, config: OperatorConfig) -> None:
        self.namespace = f"e2e-crash-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", self.namespace)
        put_authorities(cluster, self.namespace)
        allow_lease(cluster, self.namespace)
        self.tenant = Tenant(cluster, self.namespace)
        self.tenant.settle()
        self.tenant.apply(WORKFLOW, ready=False)
        self.operator = HostOperator(config, self.namespace)
        self._since = audit.end(from_environment().audit_log)

    def close(self) -> None:
        self.operator.kill()
        self.tenant.admin("delete", "namespace", self.namespace, "--wait=false", check=False)

    def writes(self) -> list[audit.Write]:
        """What the operator wrote here, Lease and Events left out."""
        return [
            write
            for write in audit.writes(from_environment().audit_log, self._since)
            if write.user == OPERATOR and write.namespace == self.namespace
        ]

    def ending(self) -> Ending:
        run = self.tenant.finished("run", seconds=180)
        wait_for(self._settled, seconds=60, what="Jobs are closed, the request is settled")
        status, created = run["status"], Counter[tuple[str, str]]()
        for write in self.writes():
            if write.verb == "create" and write.code < 300:
                created[write.resource, write.name] += 1
        jobs = [job["metadata"] for job in self.tenant.of_run("job", "run")]
        names = {job["annotations"]["penstock.dev/step"]: job["name"] for job in jobs}
        requests = self.tenant.of_run("approvalrequest", "run")
        return Ending(
            phase=status["phase"],
            output=status.get("output"),
            steps=tuple((name, status["steps"][name]["phase"], status["steps"][name]["attempt"]) for name in STEPS),
            decided_by=tuple(status["steps"]["second"]["gate"]["decidedBy"]),
            jobs=tuple(_all_of(created, "jobs", names[name]) for name in STEPS),
            pods=tuple(_all_of(created, "pods", names[name]) for name in STEPS),
            requests=sum(count for (resource, _), count in created.items() if resource == "approvalrequests"),
            request_phase=requests[0]["status"]["phase"],
        )

    def _settled(self) -> bool:
        jobs = self.tenant.of_run("job", "run")
        requests = self.tenant.of_run("approvalrequest", "run")
        closed = all(any(each["type"] == "Complete" for each in job["status"].get("conditions", [])) for job in jobs)
        return closed and all(request["status"]["phase"] != "Pending" for request in requests)


def _all_of(created: Counter[tuple[str, str]], resource: str, name: str) -> int:
    return created[resource, name]


def play(stage: Stage, crash: str) -> tuple[int | None, Ending]:
    """One run from its creation to its end, with one crash on the way and a new process after it.

    The exit code of the process that was to crash (None where it never came to that write), and how it ended.
    """
    stage.tenant.start("crashes")
    stage.operator.start(crash)
    code = _until(stage, lambda: stage.tenant.run("run")["status"]["phase"] == "Waiting", crash)
    approve(stage)
    code = code if code is not None else _until(stage, lambda: _finished(stage), crash)
    ending = stage.ending()
    stage.operator.stop()
    return code, ending
