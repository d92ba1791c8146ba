"""A chart's life: taken away, installed as it first was, brought up to date, rolled back. Runs go on meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.installation import Installation
from tests.support.tenant import Tenant, a_step, a_workflow

pytestmark = pytest.mark.timeout(520, func_only=True)

OURS = f"app.kubernetes.io/instance={RELEASE}"
CLUSTER_WIDE = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,"
    "mutatingadmissionpolicies,mutatingadmissionpolicybindings"
)
NAMESPACED = "deployments,services,serviceaccounts,roles,rolebindings,secrets,configmaps,networkpolicies"
STAYS = ["lease.coordination.k8s.io/penstock-operator"]
"""What charts/penstock/USAGE.md says that an uninstallation leaves in the namespace, beside API keys."""


@pytest.fixture(scope="module")
def first_charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The charts as they were when there first were any."""
    added = ("log", "--diff-filter=A", "--format=%H", "--", "charts/penstock/Chart.yaml")
    commits = _git(*added).decode().split()
    if not commits:
        pytest.skip("the history of this tree does not go back to the first chart")
    folder = tmp_path_factory.mktemp("first")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=_git("archive", commits[-1], "charts"), check=True)
    return folder / "charts"


def _git(*words: str) -> bytes:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, check=True).stdout


@pytest.fixture
def put_back(installation: Installation) -> Iterator[None]:
    yield
    installation.install()


def chart(cluster: Cluster, words: str, charts: Path, images: Installation) -> None:
    """helm with both charts of a folder, the kinds first."""
    place = ("--namespace", SYSTEM_NAMESPACE, "--create-namespace", "--wait")
    values: dict[str, Any] = {**images.images.values, "operator.stepDnsPolicy": "Default", "mcp.enabled": "false"}
    settings = [word for key, value in values.items() for word in ("--set", f"{key}={value}")]
    cluster.helm(*words.split(), f"{RELEASE}-crds", str(charts / "penstock-crds"), *place)
    cluster.helm(*words.split(), RELEASE, str(charts / "penstock"), *place, *settings)


def left(cluster: Cluster) -> list[str]:
    """Names of everything of the chart."""
    found = cluster.kubectl("get", CLUSTER_WIDE, "-l", OURS, "-o", "name").stdout.split()
    return found + cluster.kubectl("get", NAMESPACED, "-n", SYSTEM_NAMESPACE, "-l", OURS, "-o", "name").stdout.split()


def attempts(run: dict[str, Any]) -> list[int]:
    return [step["attempt"] for step in run["status"]["steps"].values()]


@pytest.mark.usefixtures("put_back")
def test_runs_survive_what_becomes_of_the_chart(
    cluster: Cluster, installation: Installation, tenant: Tenant, first_charts: Path
):
    patient = a_workflow("patient", a_step("wait", "sleep 25\noutput done", runtime="bash"))
    tenant.apply(patient)
    name = tenant.start("patient", name="kept")
    before = tenant.finished(name)

    cluster.helm("uninstall", RELEASE, "-n", SYSTEM_NAMESPACE, "--wait")
    assert left(cluster) == []
    leases = cluster.kubectl("get", "leases", "-n", SYSTEM_NAMESPACE, "-o", "name").stdout.split()
    assert leases == STAYS
    kinds = cluster.kubectl("get", "crd", "-o", "name").stdout
    assert "workflowruns.penstock.dev" in kinds
    assert tenant.run(name)["status"]["output"] == before["status"]["output"] == "done"

    chart(cluster, "upgrade --install", first_charts, installation)
    early = tenant.start("patient", name="early")
    tenant.running_pod(early)
    chart(cluster, "upgrade --install", ROOT / "charts", installation)
    ended = tenant.finished(early)
    assert ended["status"]["phase"] == "Succeeded"
    assert attempts(ended) == [1], "nothing was started twice"

    late = tenant.start("patient", name="late")
    tenant.running_pod(late)
    cluster.helm("rollback", RELEASE, "-n", SYSTEM_NAMESPACE, "--wait")
    rolled = cluster.read("deployment", "penstock-operator", "-n", SYSTEM_NAMESPACE)
    names = {each["name"] for each in rolled["spec"]["template"]["spec"]["containers"][0]["ports"]}
    assert names == {"probes"}, "the first chart knew no metrics"
    ended = tenant.finished(late)
    assert ended["status"]["phase"] == "Succeeded"
    assert attempts(ended) == [1], "nothing was started twice"
    wait_for(
        lambda: all(job.get("status", {}).get("conditions") for job in tenant.of_run("jobs", late)),
        seconds=60,
        what="its Job is closed",
    )
