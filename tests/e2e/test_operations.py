"""What whoever runs Penstock does on the first days: look whether it is well, and watch it work."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.command_line import CommandLine, output_of
from tests.support.installation import Installation
from tests.support.scraping import Figures
from tests.support.tenant import Tenant

BINDING = "pods.penstock.dev"
Findings = dict[str, dict[str, str]]


@pytest.fixture
def penstock(cluster: Cluster, tmp_path: Path) -> CommandLine:
    return CommandLine(cluster.kubeconfig, tmp_path / "home")


def looked(penstock: CommandLine, code: int, *words: str) -> Findings:
    answer = penstock("doctor", "-o", "json", *words, timeout=240)
    assert answer.returncode == code, output_of(answer)
    found: Findings = {}
    for each in json.loads(answer.stdout)["findings"]:
        found[each["what"]] = each
    return found


def test_a_healthy_installation(tenant: Tenant, penstock: CommandLine):
    found = looked(penstock, 0, "--probe", "-n", tenant.namespace)
    assert [what for what, each in found.items() if each["level"] == "fail"] == []
    for what in ("Kubernetes", "clock", "kinds", "policies", "stamping", "operator", "operator's Lease", "MCP server"):
        assert found[what]["level"] == "ok", found[what]
    assert {"probe: metadata", "probe: API server", "probe: names"} <= set(found)
    for what in ("runtimes", "Jobs", "operator's rights", "your rights", "DNS of steps", "probe"):
        assert found[what]["level"] == "ok", found[what]

    def gone() -> bool:
        left = tenant.cluster.read("workflowruns,jobs,pods", "-n", tenant.namespace)["items"]
        return all("deletionTimestamp" in each["metadata"] for each in left)

    wait_for(gone, seconds=30, what="nothing is left of the probe")


@pytest.fixture
def unbound(cluster: Cluster, installation: Installation) -> Iterator[None]:
    """One policy is not bound any more."""
    kind = "validatingadmissionpolicybinding"
    binding = cluster.read(kind, BINDING)
    cluster.kubectl("delete", kind, BINDING)
    yield
    kept = {"name": BINDING, "labels": binding["metadata"]["labels"], "annotations": binding["metadata"]["annotations"]}
    cluster.kubectl("create", "-f", "-", stdin={**binding, "metadata": kept})
    installation.install()


@pytest.mark.usefixtures("unbound")
def test_a_guard_that_somebody_took_away(penstock: CommandLine):
    found = looked(penstock, 1)
    assert found["policies"]["level"] == "fail"
    assert f"{BINDING} is not bound" in found["policies"]["message"]
    assert "helm upgrade" in found["policies"]["advice"]


@pytest.fixture
def stopped(cluster: Cluster, installation: Installation) -> Iterator[None]:
    """No operator runs."""
    installation.install(operator__replicas=0)
    pods = ("pods", "-n", SYSTEM_NAMESPACE, "-l", "app.kubernetes.io/component=operator")
    wait_for(lambda: not cluster.read(*pods)["items"], seconds=60, what="the operator is gone")
    yield
    installation.install()


@pytest.mark.usefixtures("stopped")
def test_no_operator_runs(penstock: CommandLine):
    found = looked(penstock, 1)
    assert found["operator"]["level"] == found["operator's Lease"]["level"] == "fail"
    assert "--replicas=1" in found["operator"]["advice"]
    assert found["policies"]["level"] == "ok"


def test_somebody_without_rights_is_told_so(cluster: Cluster, installation: Installation, penstock: CommandLine):
    found = looked(penstock, 1, "-n", "kube-public", "--installation", "default")
    assert found["operator"]["level"] == "fail"
    assert "--installation" in found["operator"]["advice"]


def test_what_prometheus_reads(tenant: Tenant):
    before = scraped(tenant.cluster)
    tenant.cluster.kubectl("apply", "-n", tenant.namespace, "-f", "examples/hello.yaml")
    made = tenant.cluster.kubectl("create", "-n", tenant.namespace, "-f", "-", "-o", "name", stdin=RUN).stdout.strip()

    def ended() -> bool:
        return str(tenant.cluster.read(made, "-n", tenant.namespace).get("status", {}).get("phase")) == "Succeeded"

    wait_for(ended, seconds=60, what="the run succeeds")
    wait_for(
        lambda: grown(before, scraped(tenant.cluster), "penstock_run_ends_total", phase="Succeeded") >= 1,
        seconds=10,
        what="the run is counted",
    )
    after = scraped(tenant.cluster)
    assert after.value("penstock_active") == 1
    for part in ("queue", "pod_start", "program", "result"):
        assert grown(before, after, "penstock_step_part_seconds_count", part=part) >= 1, part
    assert grown(before, after, "penstock_api_writes_total", resource="jobs", verb="create", outcome="ok") >= 1
    assert after.value("process_resident_memory_bytes") > 0


RUN = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "WorkflowRun",
    "metadata": {"generateName": "watched-"},
    "spec": {"workflow": {"name": "hello"}},
}


def grown(before: Figures, after: Figures, name: str, **labels: str) -> float:
    return after.value(name, **labels) - before.value(name, **labels)


def scraped(cluster: Cluster) -> Figures:
    """Through the Service, as Prometheus would; the API server passes it on."""
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/services/penstock-operator-metrics:metrics/proxy/metrics"
    page = cluster.kubectl("get", "--raw", path).stdout
    assert re.search("^penstock_active ", page, re.MULTILINE)
    return Figures(page)
