"""Replicas: the other takes over when the active one is killed; one that was stopped does no harm when it wakes.

The operator in the cluster rests; two on this machine, with its ServiceAccount, share a Lease in a namespace.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator

import pytest

from tests.support.cluster import Cluster, wait_for
from tests.support.host_operator import HostOperator, OperatorConfig, allow_lease
from tests.support.installation import put_authorities
from tests.support.tenant import Json, Tenant, a_step, a_workflow

SLOW = "import time\ntime.sleep(30)\noutput('done')"
TWO_STEPS = a_workflow("two", a_step("slow", SLOW), a_step("after", "output(steps.slow.output)", needs=["slow"]))


class Pair:
    """Two replicas in one namespace."""

    def __init__(self, cluster: Cluster, config: OperatorConfig) -> None:
        namespace = f"e2e-replicas-{uuid.uuid4().hex[:8]}"
        cluster.kubectl("create", "namespace", namespace)
        put_authorities(cluster, namespace)
        allow_lease(cluster, namespace)
        self.tenant = Tenant(cluster, namespace)
        self.tenant.settle()
        self.replicas = {name: HostOperator(config, namespace, name) for name in ("first", "second")}
        for replica in self.replicas.values():
            replica.start()

    def active(self) -> str:
        """Name of the one that holds the Lease; empty where nobody does."""
        answer = self.tenant.admin("get", "lease", "-o", "jsonpath={.items[*].spec.holderIdentity}")
        return answer.stdout.strip()

    def wait_active(self, *, but: str = "") -> str:
        """The name of whoever is active, once that is another one."""
        wait_for(lambda: self.active() not in ("", but), seconds=60, what=lambda: f"a Lease is held\n{self.logs()}")
        return self.active()

    def other(self, name: str) -> HostOperator:
        return self.replicas["second" if name == "first" else "first"]

    def made(self) -> list[tuple[str, str, str]]:
        """All Jobs, pods and runs there are, each with its UID and what else would differ if a replica had written."""
        found: list[Json] = self.tenant.cluster.read("-n", self.tenant.namespace, "workflowruns,jobs,pods")["items"]
        return sorted((each["kind"], each["metadata"]["name"], _written(each)) for each in found)

    def logs(self) -> str:
        return "\n".join(f"--- {name}\n{replica.log()}" for name, replica in self.replicas.items())

    def close(self) -> None:
        for replica in self.replicas.values():
            replica.kill()
        self.tenant.admin("delete", "namespace", self.tenant.namespace, "--wait=false", check=False)


@pytest.fixture
def pair(cluster: Cluster, config: OperatorConfig) -> Iterator[Pair]:
    replicas = Pair(cluster, config)
    try:
        yield replicas
    finally:
        replicas.close()


def _written(found: Json) -> str:
    """The object's version; of a pod all but its status, which the kubelet goes on writing after the Job's end."""
    meta = found["metadata"]
    if found["kind"] != "Pod":
        return str(meta["uid"] + meta["resourceVersion"])
    return json.dumps([{**meta, "resourceVersion": ""}, found["spec"]], sort_keys=True)


def begun(pair: Pair) -> str:
    """A run of two steps of which the first is under way; the name of the active replica."""
    active = pair.wait_active()
    pair.tenant.apply(TWO_STEPS)
    pair.tenant.start("two")
    pair.tenant.running_pod("run")
    return active


def went_well(pair: Pair) -> None:
    run = pair.tenant.finished("run")
    assert (run["status"]["phase"], run["status"].get("output")) == ("Succeeded", "done"), pair.logs()
    assert [step["attempt"] for step in run["status"]["steps"].values()] == [1, 1]
    assert len(pair.tenant.of_run("job", "run")) == len(pair.tenant.of_run("pod", "run")) == 2


@pytest.mark.timeout(240, func_only=True)
def test_the_other_takes_over_when_the_active_one_is_killed(pair: Pair) -> None:
    active = begun(pair)
    pair.replicas[active].kill()
    assert pair.wait_active(but=active) != active
    went_well(pair)


@pytest.mark.timeout(300, func_only=True)
def test_one_that_was_stopped_does_no_harm_when_it_wakes(pair: Pair) -> None:
    active = begun(pair)
    pair.replicas[active].freeze()
    taken_by = pair.wait_active(but=active)
    went_well(pair)
    closed = "jsonpath={.items[*].status.completionTime}"
    jobs = ("get", "job", "-l", "penstock.dev/run=run", "-o", closed)
    wait_for(lambda: len(pair.tenant.admin(*jobs).stdout.split()) == 2, seconds=60, what=pair.logs)
    before = pair.made()
    pair.replicas[active].wake()
    # It says so once it has found out; then it has had every chance to write.
    woken = pair.replicas[active]
    wait_for(lambda: "another replica took over" in woken.log(), seconds=60, what=pair.logs)
    assert pair.active() == taken_by
    assert pair.made() == before
    # It is of use again when it is needed.
    pair.replicas[taken_by].kill()
    assert pair.wait_active(but=taken_by) == active
