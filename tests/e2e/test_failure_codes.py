"""What went wrong is told apart on a real node, and what was printed outlives its pod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import OPERATOR, Cluster, wait_for
from tests.support.command_line import CommandLine, output_of
from tests.support.installation import CA_BUNDLE, Installation
from tests.support.tenant import Json, Tenant, a_step, a_workflow

SLEEPS = "echo begun; sleep 600"


@pytest.fixture
def penstock(cluster: Cluster, tmp_path: Path) -> CommandLine:
    return CommandLine(cluster.kubeconfig, tmp_path)


def started(tenant: Tenant, source: str, *, runtime: str = "bash", **step: object) -> str:
    tenant.apply(a_workflow("breaks", a_step("work", source, runtime=runtime, **step)))
    return tenant.start("breaks")


def error(run: Json) -> tuple[str, str]:
    found = run["status"]["error"]
    return found["code"], found["reason"]


@pytest.mark.parametrize(
    ("source", "code", "said"),
    [
        pytest.param("kill -SEGV $$", "SIGNALLED", "SIGSEGV", id="its own signal"),
        pytest.param("kill -KILL $$", "SIGNALLED", "SIGKILL", id="killed"),
        pytest.param('echo "no JSON" >> "$PENSTOCK_OUTPUT"', "OUTPUT_INVALID", "is not JSON", id="bad output"),
        pytest.param('fail PAYMENT_DECLINED "Insufficient funds"', "PAYMENT_DECLINED", "Insufficient funds", id="own"),
        pytest.param("fail LOST 'so it says'", "SCRIPT_FAILED", "LOST: so it says", id="posing"),
    ],
)
def test_how_a_program_ended_is_told_apart(tenant: Tenant, source: str, code: str, said: str) -> None:
    found, reason = error(tenant.finished(started(tenant, source)))
    assert found == code
    assert said in reason


def test_an_evicted_pod_is_told_from_a_stopped_one(tenant: Tenant) -> None:
    run = started(tenant, SLEEPS)
    pod = tenant.running_pod(run)["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    path = f"/api/v1/namespaces/{tenant.namespace}/pods/{pod}/eviction"
    tenant.cluster.kubectl("create", "--raw", path, "-f", "-", stdin=eviction)
    assert error(tenant.finished(run))[0] == "EVICTED"


def test_a_pod_past_its_deadline_is_told_from_a_stopped_one(tenant: Tenant) -> None:
    run = started(tenant, SLEEPS)
    pod = tenant.running_pod(run)["metadata"]["name"]
    # The guards let only the operator touch it, and its own role does not let it do this.
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "shortens"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["patch"]}],
    }
    tenant.admin("create", "-f", "-", stdin=role)
    _, _, namespace, name = OPERATOR.split(":")
    tenant.admin("create", "rolebinding", "shortens", "--role=shortens", f"--serviceaccount={namespace}:{name}")
    patch = json.dumps({"spec": {"activeDeadlineSeconds": 1}})
    tenant.cluster.kubectl("-n", tenant.namespace, "patch", "pod", pod, "-p", patch, as_user=OPERATOR)
    assert error(tenant.finished(run))[0] == "DEADLINE"


def said_of(tenant: Tenant, run: str) -> str:
    message: str = tenant.run(run)["status"].get("steps", {}).get("work", {}).get("message", "")
    return message


def test_a_pod_that_no_node_takes_says_so_and_waits(tenant: Tenant, penstock: CommandLine) -> None:
    run = started(tenant, "true", resources={"requests": {"memory": "900Gi"}})
    wait_for(lambda: "not scheduled" in said_of(tenant, run), seconds=60, what=lambda: tenant.account(run))
    assert "nsufficient memory" in said_of(tenant, run)
    answer = penstock("explain", f"{tenant.namespace}/{run}")
    assert "cannot start" in answer.stdout, output_of(answer)
    assert "resources.requests" in answer.stdout, output_of(answer)


def test_a_volume_that_is_missing_is_named_while_the_pod_waits(tenant: Tenant) -> None:
    tenant.admin("delete", "configmap", CA_BUNDLE)
    run = started(tenant, "true")
    wait_for(lambda: CA_BUNDLE in said_of(tenant, run), seconds=120, what=lambda: tenant.account(run))
    assert "cannot be made ready" in said_of(tenant, run)


@pytest.fixture
def without_image(installation: Installation) -> Iterator[None]:
    """The runtime bash has an image that no registry gives out."""
    installation.install(runtimes__bash__image="localhost/nothing@sha256:" + "0" * 64)
    yield
    installation.install()


def test_an_image_that_cannot_be_had_fails_its_attempt_in_the_registrys_words(
    without_image: None, tenant: Tenant
) -> None:
    code, reason = error(tenant.finished(started(tenant, "true"), seconds=240))
    assert code == "IMAGE_PULL_FAILED"
    assert "localhost/nothing" in reason


def test_the_end_of_a_log_is_read_after_its_pod_is_gone(tenant: Tenant, penstock: CommandLine) -> None:
    run = started(tenant, "seq -f 'line %06g' 20000; fail NO_STOCK 'sold out'")
    tenant.finished(run)
    name = f"{tenant.namespace}/{run}"
    whole = penstock("logs", name, "work").stdout
    wait_for(
        lambda: any("-logs-" in each["metadata"]["name"] for each in tenant.of_run("configmap", run)),
        seconds=60,
        what=lambda: tenant.account(run),
    )
    tenant.cluster.kubectl("-n", tenant.namespace, "delete", "pod", "--all", "--wait=true", as_user=OPERATOR)
    answer = penstock("logs", name, "work")
    assert answer.stdout, output_of(answer)
    assert (whole.count("\n"), whole.endswith(answer.stdout)) == (20_000, True)
    assert f"the first {len(whole) - 65_536:,} bytes are gone with the pod" in answer.stderr
    explained = penstock("explain", name).stdout
    assert "sold out (NO_STOCK)" in explained
    assert "| line 020000" in explained
