"""Programs that mean harm, on a real node: each ends with the precise reason, and what runs beside them ends well."""

from __future__ import annotations

import pytest

from tests.support.tenant import Json, Tenant, a_step, a_workflow

FORKS = """
import os, time
children = 0
while children < 4000:
    if os.fork() == 0:
        time.sleep(120)
        os._exit(0)
    children += 1
output(children)
"""
NO_TERM = "trap '' TERM INT HUP; echo deaf; while :; do sleep 1; done"
INSIDE = """
import json, os, socket, ssl, urllib.request
def tried(do):
    try:
        return repr(do())
    except Exception as error:
        return type(error).__name__
host = os.environ.get('KUBERNETES_SERVICE_HOST', '10.96.0.1')
untrusting = ssl._create_unverified_context()
def asked(path):
    url = f'https://{host}:443{path}'
    try:
        return urllib.request.urlopen(url, timeout=5, context=untrusting).status
    except urllib.error.HTTPError as error:
        return error.code
output({
    'token': os.path.exists('/var/run/secrets/kubernetes.io/serviceaccount/token'),
    'mounts': [line.split()[1] for line in open('/proc/mounts') if 'secrets' in line],
    'secrets': tried(lambda: asked('/api/v1/secrets')),
    'root': os.geteuid() == 0,
    'writes': tried(lambda: open('/etc/canary', 'w')),
    'capabilities': next(line.split()[1] for line in open('/proc/self/status') if line.startswith('CapEff')),
    'privileges': next(line.split()[1] for line in open('/proc/self/status') if line.startswith('NoNewPrivs')),
    'operator': [name for name in os.environ if 'TOKEN' in name or 'KUBECONFIG' in name],
})
"""


def started(tenant: Tenant, name: str, source: str, **step: object) -> str:
    tenant.apply(a_workflow(name, a_step("work", source, **step)))
    return tenant.start(name, name=name)


def ended_beside_others(tenant: Tenant, run: str) -> Json:
    """How the run ended, and that one beside it went well meanwhile."""
    tenant.running_pod(run)
    beside = started(tenant, "beside", "output('well')")
    assert tenant.finished(beside)["status"].get("output") == "well"
    status: Json = tenant.finished(run, seconds=180)["status"]
    assert status["phase"] == "Failed", status
    return status["error"]


@pytest.mark.timeout(400, func_only=True)
def test_one_that_forks_without_end(tenant: Tenant) -> None:
    error = ended_beside_others(tenant, started(tenant, "forks", FORKS, resources={"limits": {"memory": "96Mi"}}))
    # Memory, or the number of processes that the kubelet allows a pod: whichever is used up first.
    assert error["code"] in ("OOM_KILLED", "SCRIPT_FAILED"), error
    assert "memory" in error["reason"] or "Resource temporarily unavailable" in error["reason"], error


@pytest.mark.timeout(400, func_only=True)
def test_one_that_fills_its_disk(tenant: Tenant) -> None:
    source = "head -c 300000000 /dev/zero > big; sleep 600"
    limits = {"limits": {"ephemeral-storage": "100Mi"}}
    error = ended_beside_others(tenant, started(tenant, "fills", source, runtime="bash", resources=limits))
    assert error["code"] in ("EVICTED", "DISK_FULL"), error


def test_one_that_prints_without_end(tenant: Tenant) -> None:
    run = started(tenant, "prints", "yes 'so much to say'", runtime="bash", timeout="6s")
    error = ended_beside_others(tenant, run)
    assert error["code"] == "TIMED_OUT"
    pod = tenant.of_run("pod", run)[0]["metadata"]["name"]
    log = tenant.admin("logs", pod, "--limit-bytes=100000000", timeout=120).stdout
    assert len(log) < 12 * 1024 * 1024


def test_one_that_is_deaf_to_being_asked_to_stop(tenant: Tenant) -> None:
    run = started(tenant, "deaf", NO_TERM, runtime="bash", timeout="4s")
    error = ended_beside_others(tenant, run)
    assert error["code"] == "TIMED_OUT"
    assert all(pod["status"]["phase"] == "Failed" for pod in tenant.of_run("pod", run))


def test_from_inside_there_is_no_way_to_the_cluster(tenant: Tenant) -> None:
    status = tenant.finished(started(tenant, "inside", INSIDE))["status"]
    assert status["phase"] == "Succeeded", status
    found = status["output"]
    assert found["secrets"] in ("401", "403", "URLError", "TimeoutError"), found
    expected = {"token": False, "mounts": [], "root": False, "capabilities": "0000000000000000", "privileges": "1"}
    assert {name: found[name] for name in expected} == expected
    assert (found["writes"], found["operator"]) == ("OSError", []), found
