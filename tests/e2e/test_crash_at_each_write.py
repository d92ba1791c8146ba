"""The operator killed before and after each of its API writes: the run ends the same, one Job an attempt.

The operator in the cluster is stopped; one on this machine, with the same ServiceAccount, drives each namespace. Each
cycle has a namespace of its own, so some can go on at once while each process still dies at exactly one write.
"""

from __future__ import annotations

import itertools
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, Cluster, wait_for
from tests.support.host_operator import HostOperator, OperatorConfig, allow_lease
from tests.support.installation import put_authorities
from tests.support.reading import Reader
from tests.support.tenant import API_VERSION, LEAD, Json, Tenant, a_step, a_workflow

AT_ONCE = 3
"""Cycles that go on at the same time: two processors are busy with these."""
KILLED = 137
CONFLICT = 409
APPROVAL = {"approvers": {"users": [LEAD.name]}, "message": "Go on?"}
WORKFLOW = a_workflow(
    "crashes",
    a_step("first", "output({'number': 20})"),
    a_step("second", "output(steps.first.output['number'] + 1)", needs=["first"], requiresApproval=APPROVAL),
    a_step("third", "output(steps.second.output * 2)", needs=["second"]),
)
STEPS = ["first", "second", "third"]


@dataclass(frozen=True, slots=True)
class Ending:
    """What has to be the same however the operator died."""

    phase: str
    output: object
    steps: tuple[tuple[str, str, int], ...]
    """Name, phase and attempt."""
    decided_by: tuple[str, ...]
    created: tuple[tuple[str, int], ...]
    """What the operator ever created and how often, by the API server's audit log."""
    requests: tuple[str, ...]
    """Phases of the ApprovalRequests."""


ENDING = Ending(
    phase="Succeeded",
    output=42,
    steps=tuple((name, "Succeeded", 1) for name in STEPS),
    decided_by=(LEAD.name,),
    created=(("approvalrequests", 1), *((f"{kind} {step}", 1) for kind in ("jobs", "pods") for step in sorted(STEPS))),
    requests=("Approved",),
)


class Stage:
    """A namespace with the Workflow and one run, and an operator that can be killed."""

    def __init__(self, cluster: Cluster, config: OperatorConfig) -> None:
        self._namespace = f"e2e-crash-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", self._namespace)
        put_authorities(cluster, self._namespace)
        allow_lease(cluster, self._namespace)
        self.tenant = Tenant(cluster, self._namespace)
        self.tenant.settle()
        self._reader = Reader(cluster)
        self._since = audit.end(from_environment().audit_log)
        self.operator = HostOperator(config, self._namespace)

    def close(self) -> None:
        self.operator.kill()
        self._reader.close()
        self.tenant.admin("delete", "namespace", self._namespace, "--wait=false", check=False)

    def run(self) -> Json:
        return self._reader.items(f"apis/{API_VERSION}", self._namespace, "workflowruns")[0]

    def requests(self) -> list[Json]:
        return self._reader.items(f"apis/{API_VERSION}", self._namespace, "approvalrequests")

    def jobs(self) -> list[Json]:
        return self._reader.items("apis/batch/v1", self._namespace, "jobs")

    def approve(self) -> None:
        """Vote for whatever waits for a vote."""
        for request in self.requests():
            if request["status"]["phase"] == "Pending" and not request["spec"]["decisions"]:
                assert self.tenant.vote(LEAD, request).returncode == 0

    def settled(self) -> bool:
        """The run has ended, its Jobs are closed, its gate is settled."""
        if "finishedAt" not in self.run()["status"]:
            return False
        closed = all(job["status"].get("completionTime") for job in self.jobs())
        return closed and all(request["status"]["phase"] != "Pending" for request in self.requests())

    def ending(self) -> Ending:
        status = self.run()["status"]
        steps = status["steps"]
        return Ending(
            phase=status["phase"],
            output=status.get("output"),
            steps=tuple((name, steps[name]["phase"], steps[name]["attempt"]) for name in STEPS),
            decided_by=tuple(steps["second"]["gate"]["decidedBy"]),
            created=tuple(sorted(self._created().items())),
            requests=tuple(request["status"]["phase"] for request in self.requests()),
        )

    def story(self) -> str:
        """What there is to see, for the message of a test that failed."""
        jobs = [(job["metadata"]["name"], job["status"]) for job in self.jobs()]
        return "\n".join(map(str, (self.run()["status"], *jobs, *self.requests(), self.operator.log())))

    def _created(self) -> Counter[str]:
        """How often the operator created something for each step, whatever was deleted since.

        A request that the death of its process cut off may be done all the same, and the audit log then has no answer
        for it. Its repeat is refused as a conflict: that name was created once.
        """
        steps = {job["metadata"]["name"]: job["metadata"]["annotations"]["penstock.dev/step"] for job in self.jobs()}
        codes: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for write in audit.writes(from_environment().audit_log, self._since):
            ours = write.user == OPERATOR and write.namespace == self._namespace and write.verb == "create"
            if ours and write.resource in ("jobs", "pods", "approvalrequests"):
                codes[write.resource, write.name].append(write.code)
        created: Counter[str] = Counter()
        for (resource, name), answers in codes.items():
            done = sum(code < 300 for code in answers if code)
            created[f"{resource} {steps.get(name, '')}".strip()] += done or int(CONFLICT in answers)
        return created


def play(stage: Stage, crash: str) -> tuple[bool, Ending]:
    """One run from its creation to its end, with one crash on the way: whether it came to it, and how it ended."""
    stage.tenant.apply(WORKFLOW, ready=False)
    stage.tenant.start(WORKFLOW["metadata"]["name"])
    stage.operator.start(crash)
    codes: list[int] = []

    def watch() -> bool:
        code = stage.operator.ended()
        if code is not None:
            codes.append(code)
            stage.operator.start()
        stage.approve()
        return stage.settled()

    wait_for(watch, seconds=240, what=lambda: f"the run ends ({crash})\n{stage.story()}")
    if not codes and (code := stage.operator.ended()) is not None:
        codes.append(code)
    assert codes in ([], [KILLED]), f"{crash}: the operator ended with {codes}\n{stage.operator.log()}"
    ending = stage.ending()
    stage.operator.stop()
    return bool(codes), ending


@contextmanager
def staged(cluster: Cluster, config: OperatorConfig) -> Iterator[Stage]:
    stage = Stage(cluster, config)
    try:
        yield stage
    finally:
        stage.close()


@pytest.mark.timeout(900, func_only=True)
def test_killed_before_and_after_each_write(cluster: Cluster, config: OperatorConfig) -> None:
    def cycle(crash: str) -> tuple[bool, Ending]:
        with staged(cluster, config) as stage:
            return play(stage, crash)

    points = (f"{side}:{number}" for number in itertools.count(1) for side in ("before", "after"))
    reached: dict[str, Ending] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        under_way: dict[str, Future[tuple[bool, Ending]]] = {}
        all_reached = True
        while all_reached or under_way:
            while all_reached and len(under_way) < AT_ONCE:
                crash = next(points)
                under_way[crash] = pool.submit(cycle, crash)
            crash = next(iter(under_way))
            came, ending = under_way.pop(crash).result()
            all_reached = all_reached and came
            if came:
                reached[crash] = ending

    print(f"died at {len(reached)} points: {min(reached)} to {list(reached)[-1]}")
    different = {crash: ending for crash, ending in reached.items() if ending != ENDING}
    assert different == {}
    # Three Jobs with a pod and an end each, a request with its end, and the statuses of the run between them.
    assert len(reached) >= 2 * 15, sorted(reached)


def test_killed_while_a_step_runs(cluster: Cluster, config: OperatorConfig) -> None:
    with staged(cluster, config) as stage:
        slow = "import time\ntime.sleep(15)\nprint('one start')\noutput(7)"
        stage.tenant.apply(a_workflow("slow", a_step("slow", slow)), ready=False)
        stage.tenant.start("slow")
        stage.operator.start()
        running = "--for=jsonpath={.status.phase}=Running"
        pods = ("pod", "-l", "penstock.dev/run=run")
        wait_for(stage.jobs, seconds=60, what=lambda: f"the step's Job\n{stage.story()}")
        stage.tenant.admin("wait", *pods, running, "--timeout=60s", timeout=90)
        stage.operator.kill()
        stage.operator.start()
        wait_for(stage.settled, seconds=120, what=lambda: f"the run ends\n{stage.story()}")
        status = stage.run()["status"]
        assert (status["phase"], status["output"], status["steps"]["slow"]["attempt"]) == ("Succeeded", 7, 1)
        assert stage.tenant.admin("logs", "-l", "penstock.dev/run=run", "--tail=-1").stdout.count("one start") == 1
        assert len(stage.jobs()) == 1
