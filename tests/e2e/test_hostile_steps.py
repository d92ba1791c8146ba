"""Programs that take all there is: each ends with the reason that it was, and those beside them notice nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.cluster import SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.tenant import ALICE, RUN_LABEL, Json, Tenant, a_step, a_workflow

SMALL = {"limits": {"memory": "96Mi"}}
ROOMY = {"limits": {"memory": "512Mi"}}
DISK = {"limits": {"memory": "96Mi", "ephemeral-storage": "30Mi"}}

FORKS = """
import os, time
made = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(600)
        made += 1
except OSError as error:
    fail("NO_PROCESSES", f"{error.strerror} after {made}")
"""
DEAF = "trap '' TERM\necho deaf\nwhile :; do sleep 0.2; done"
LOG_LIMIT = 10 * 1024 * 1024
"""Bytes that the kubelet keeps of a log before it begins another file."""


def neighbours(cluster: Cluster) -> dict[str, int]:
    """Pods of the installation, and how often each was started again."""
    pods = cluster.read("-n", SYSTEM_NAMESPACE, "pod", "-l", "app.kubernetes.io/component")["items"]
    return {
        pod["metadata"]["name"]: sum(each["restartCount"] for each in pod["status"].get("containerStatuses", ()))
        for pod in pods
    }


@pytest.fixture
def beside(tenant: Tenant) -> Iterator[Tenant]:
    """A namespace in which a run of many short steps goes on meanwhile, and has gone on undisturbed afterwards."""
    before = neighbours(tenant.cluster)
    ticks = [a_step(f"tick{number}", f"output({number})") for number in range(6)]
    for earlier, later in itertools.pairwise(ticks):
        later["needs"] = [earlier["name"]]
    tenant.apply(a_workflow("neighbour", *ticks))
    tenant.start("neighbour", name="neighbour")
    yield tenant
    status = tenant.finished("neighbour", seconds=180)["status"]
    assert (status["phase"], status["output"]) == ("Succeeded", 5)
    assert {step["attempt"] for step in status["steps"].values()} == {1}
    assert neighbours(tenant.cluster) == before


def ended(tenant: Tenant, source: str, *, runtime: str = "bash", **step: object) -> Json:
    """The error of a run of this program."""
    tenant.apply(a_workflow("hostile", a_step("hostile", source, runtime=runtime, **step)))
    tenant.start("hostile")
    found: Json = tenant.finished("run", seconds=240)["status"]["error"]
    return found


def test_one_that_forks_finds_no_more_processes(beside: Tenant) -> None:
    error = ended(beside, FORKS, runtime="python", timeout="60s", resources=ROOMY)
    assert error["code"] == "NO_PROCESSES"
    assert "temporarily unavailable" in error["reason"]


def test_one_that_forks_without_end_is_ended(beside: Tenant) -> None:
    error = ended(beside, "bomb() { bomb | bomb; }\nbomb", timeout="10s", resources=SMALL)
    # Memory or time, whichever is used up first.
    assert error["code"] in ("OOM_KILLED", "TIMED_OUT")


def test_one_that_fills_its_disk_is_told_which_limit(beside: Tenant) -> None:
    error = ended(beside, "head -c 100M /dev/zero > /tmp/big; sleep 120", resources=DISK)
    assert error["code"] == "DISK_FULL"
    assert "exceeds the limit" in error["reason"]


def test_one_that_prints_without_end_is_cut_and_ended(beside: Tenant) -> None:
    error = ended(beside, "yes 'and so on'", timeout="5s")
    assert error["code"] == "TIMED_OUT"
    log = beside.kubectl(ALICE, "logs", "-l", f"{RUN_LABEL}=run", "--tail=-1", timeout=120).stdout
    assert len(log) < LOG_LIMIT


def test_one_that_is_deaf_to_signals_is_ended_at_its_time(beside: Tenant) -> None:
    error = ended(beside, DEAF, timeout="2s")
    assert (error["code"], "2 s" in error["reason"]) == ("TIMED_OUT", True)


def test_one_that_is_deaf_to_signals_is_ended_when_its_run_is_cancelled(beside: Tenant) -> None:
    beside.apply(a_workflow("hostile", a_step("hostile", DEAF, runtime="bash")))
    run = beside.start("hostile")
    beside.running_pod(run)
    beside.kubectl(ALICE, "patch", "pwr", run, "--type=merge", "-p", '{"spec":{"cancel":true}}')
    assert beside.finished(run)["status"]["error"]["code"] == "CANCELLED"
    wait_for(lambda: not living(beside, run), seconds=90, what=lambda: beside.account(run))


def living(tenant: Tenant, run: str) -> list[Json]:
    return [pod for pod in tenant.of_run("pod", run) if pod["status"]["phase"] == "Running"]


def test_one_that_takes_more_memory_than_it_may(beside: Tenant) -> None:
    error = ended(beside, "x = bytearray(400_000_000)\noutput(len(x))", runtime="python", resources=SMALL)
    assert (error["code"], "memory" in error["reason"]) == ("OOM_KILLED", True)


def test_a_step_finds_no_token(tenant: Tenant) -> None:
    source = "import os\noutput([os.path.exists('/var/run/secrets'), 'serviceaccount' in open('/proc/mounts').read()])"
    tenant.apply(a_workflow("looks", a_step("looks", source)))
    tenant.start("looks")
    assert tenant.finished("run")["status"]["output"] == [False, False]


def test_a_class_of_pods_that_is_missing_is_no_other_class(tenant: Tenant) -> None:
    tenant.apply(a_workflow("boxed", a_step("boxed", "output(1)"), podDefaults={"runtimeClassName": "no-such-sandbox"}))
    tenant.start("boxed")
    error = tenant.finished("run")["status"]["error"]
    assert (error["code"], "no-such-sandbox" in error["reason"]) == ("REFUSED", True)
    assert tenant.of_run("pod", "run") == []
