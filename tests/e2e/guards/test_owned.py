"""What carries our labels: Jobs, pods, ConfigMaps and revisions are the operator's and the cluster's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from penstock.engine.identifiers import attempt_name
from tests.e2e.guards.conftest import Tenancy
from tests.support.cluster import Answer, wait_for

Refused = Callable[[Answer, str], None]

NAME = "orders-1-charge-1-0123456789"
LABELS = {"penstock.dev/run": "orders-1"}
HANDS_OFF = "only the operator touches them; to stop a run, set spec.cancel"
CONTAINER_CONTEXT = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def owner(kind: str, api: str, uid: str, name: str = "orders-1") -> dict[str, Any]:
    return {"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": True}


def a_pod_spec(image: str) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "step",
                "image": image,
                "securityContext": CONTAINER_CONTEXT,
                "resources": {"requests": {"cpu": "10m"}, "limits": {"memory": "64Mi"}},
            }
        ],
    }


def a_job(image: str, run_uid: str) -> dict[str, Any]:
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": NAME,
            "labels": LABELS,
            "ownerReferences": [owner("WorkflowRun", "penstock.dev/v1alpha1", run_uid)],
        },
        "spec": {
            "managedBy": "penstock.dev/operator",
            "backoffLimit": 0,
            "template": {"metadata": {"labels": LABELS}, "spec": a_pod_spec(image)},
        },
    }


def a_pod(image: str, job_uid: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME, "labels": LABELS, "ownerReferences": [owner("Job", "batch/v1", job_uid, NAME)]},
        "spec": a_pod_spec(image),
    }


def a_run() -> dict[str, Any]:
    return {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "WorkflowRun",
        "metadata": {"name": "orders-1"},
        "spec": {"workflow": {"name": "orders"}},
    }


@pytest.fixture
def attempt(tenancy: Tenancy) -> Tenancy:
    """A namespace with a run, its Job and its pod, which runs on the node, all as the operator makes them."""
    image = tenancy.cluster.pause_image
    tenancy.kubectl("runner", "create", "-f", "-", stdin=a_run(), check=True)
    tenancy.operator("create", "-f", "-", stdin=a_job(image, uid(tenancy, "pwr", "orders-1")))
    tenancy.operator("create", "-f", "-", stdin=a_pod(image, uid(tenancy, "job", NAME)))
    wait_for(lambda: phase(tenancy) == "Running", seconds=60, what="the pod runs")
    return tenancy


def uid(tenancy: Tenancy, *words: str) -> str:
    found: str = tenancy.read(*words)["metadata"]["uid"]
    return found


def phase(tenancy: Tenancy) -> str:
    return tenancy.admin("get", "pod", NAME, "-o", "jsonpath={.status.phase}").stdout


class TestTheNode:
    """The cluster's own goes on with its work."""

    def test_the_kubelet_reports_and_ends_the_pod_that_the_operator_deletes(self, attempt: Tenancy) -> None:
        attempt.operator("delete", "pod", NAME, "--grace-period=1", "--wait=false")
        wait_for(lambda: attempt.gone("pod", NAME), seconds=60, what="the kubelet's final delete went through")

    def test_deleting_a_run_takes_its_jobs_and_pods_along(self, attempt: Tenancy) -> None:
        attempt.kubectl("alice", "delete", "pwr", "orders-1", "--wait=false", check=True)
        wait_for(lambda: attempt.gone("job", NAME), seconds=90, what="the garbage collector deleted the Job")
        wait_for(lambda: attempt.gone("pod", NAME), seconds=90, what="the garbage collector deleted the pod")

    def test_deleting_a_run_in_the_foreground(self, attempt: Tenancy) -> None:
        attempt.kubectl("alice", "delete", "pwr", "orders-1", "--cascade=foreground", "--wait=false", check=True)
        wait_for(lambda: attempt.gone("pwr", "orders-1"), seconds=90, what="the run is gone after all it owned")

    def test_deleting_the_namespace(self, attempt: Tenancy) -> None:
        attempt.operator("create", "-f", "-", stdin=a_revision())
        attempt.operator("create", "-f", "-", stdin=a_config_map())
        attempt.admin("delete", "namespace", attempt.namespace, "--wait=false")
        wait_for(lambda: attempt.gone("namespace", attempt.namespace), seconds=120, what="the namespace is gone")


class TestPods:
    @pytest.mark.parametrize("who", ["alice", "admin"])
    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(["delete", "pod", NAME, "--wait=false"], id="delete"),
            pytest.param(["delete", "pods", "--all", "--wait=false"], id="delete all"),
            pytest.param(["label", "pod", NAME, "penstock.dev/run-"], id="take the label away"),
            pytest.param(["label", "pod", NAME, "penstock.dev/run=other", "--overwrite"], id="relabel"),
            pytest.param(["annotate", "pod", NAME, "penstock.dev/input=forged"], id="annotate"),
            pytest.param(
                ["patch", "pod", NAME, "--subresource=status", "-p", '{"status":{"phase":"Succeeded"}}'], id="status"
            ),
            pytest.param(["debug", NAME, "--image=busybox", "--profile=general"], id="ephemeral container"),
            pytest.param(
                [
                    "patch", "pod", NAME, "--subresource=resize", "-p",
                    '{"spec":{"containers":[{"name":"step","resources":{"requests":{"cpu":"20m"}}}]}}',
                ],
                id="resize",
            ),
        ],
    )  # fmt: skip
    def test_changing_one(self, attempt: Tenancy, refused: Refused, who: str, words: list[str]) -> None:
        answer = attempt.admin(*words) if who == "admin" else attempt.kubectl(who, *words)
        refused(answer, HANDS_OFF)
        pod = attempt.read("pod", NAME)
        assert pod["metadata"]["labels"] == LABELS
        assert "deletionTimestamp" not in pod["metadata"]

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(["exec", NAME, "--", "true"], id="exec"),
            pytest.param(["attach", NAME], id="attach"),
            pytest.param(["port-forward", NAME, ":80", "--address=127.0.0.1"], id="port-forward"),
            pytest.param(["get", "--raw", f"/api/v1/namespaces/NAMESPACE/pods/{NAME}/proxy/"], id="proxy"),
        ],
    )
    def test_getting_into_one(self, attempt: Tenancy, refused: Refused, words: list[str]) -> None:
        here = [word.replace("NAMESPACE", attempt.namespace) for word in words]
        refused(attempt.kubectl("alice", *here), f"pod {NAME} belongs to a run")
        refused(attempt.admin(*here), f"pod {NAME} belongs to a run")

    @pytest.mark.parametrize("run", ["n" * 63, "n" * 49 + "--------n", "a" + "-" * 50 + "b"])
    def test_getting_into_one_however_its_run_is_named(self, tenancy: Tenancy, refused: Refused, run: str) -> None:
        tenancy.kubectl("runner", "create", "-f", "-", stdin={**a_run(), "metadata": {"name": run}}, check=True)
        pod = attempt_name(run, "uid", "charge", 1)
        refused(
            tenancy.kubectl("alice", "get", "--raw", f"/api/v1/namespaces/{tenancy.namespace}/pods/{pod}/proxy/"),
            f"pod {pod} belongs to a run",
        )

    def test_evicting_one(self, attempt: Tenancy, refused: Refused) -> None:
        refused(evict(attempt, "alice"), f"pod {NAME} belongs to a run: eviction is refused")
        assert evict(attempt, "system:serviceaccount:kube-system:cluster-autoscaler").returncode == 0

    def test_its_logs_are_for_all_who_may_read_logs(self, attempt: Tenancy) -> None:
        attempt.kubectl("alice", "logs", NAME, check=True)

    def test_starting_one(self, tenancy: Tenancy, refused: Refused) -> None:
        pod = a_pod(tenancy.cluster.pause_image, "11111111-1111-1111-1111-111111111111")
        refused(tenancy.kubectl("alice", "create", "-f", "-", stdin=pod), HANDS_OFF)
        refused(tenancy.admin("create", "-f", "-", stdin=pod), HANDS_OFF)

    def test_pods_of_others_are_left_alone(self, tenancy: Tenancy) -> None:
        pod = a_pod(tenancy.cluster.pause_image, "")
        pod["metadata"] = {"name": "cache-0123456789"}
        pod["spec"]["automountServiceAccountToken"] = True
        tenancy.kubectl("alice", "create", "-f", "-", stdin=pod, check=True)
        said = tenancy.kubectl("alice", "exec", "cache-0123456789", "--", "true")
        assert "belongs to a run" not in said.stderr
        tenancy.kubectl("alice", "delete", "pod", "cache-0123456789", "--wait=false", check=True)

    def test_making_anothers_pod_look_like_ours(self, tenancy: Tenancy, refused: Refused) -> None:
        pod = {**a_pod(tenancy.cluster.pause_image, ""), "metadata": {"name": "mine"}}
        tenancy.kubectl("alice", "create", "-f", "-", stdin=pod, check=True)
        refused(tenancy.kubectl("alice", "label", "pod", "mine", "penstock.dev/run=orders-1"), HANDS_OFF)


def evict(tenancy: Tenancy, user: str) -> Answer:
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": NAME}}
    path = f"/api/v1/namespaces/{tenancy.namespace}/pods/{NAME}/eviction"
    return tenancy.kubectl(user, "create", "--raw", path, "-f", "-", stdin=eviction)


class TestJobs:
    @pytest.mark.parametrize("who", ["alice", "admin"])
    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(["delete", "job", NAME, "--wait=false"], id="delete"),
            pytest.param(["label", "job", NAME, "penstock.dev/run-"], id="take the label away"),
            pytest.param(["annotate", "job", NAME, "penstock.dev/digest=sha256:bb", "--overwrite"], id="annotate"),
            pytest.param(["patch", "job", NAME, "-p", '{"spec":{"suspend":true}}'], id="suspend"),
            pytest.param(
                ["patch", "job", NAME, "-p", '{"metadata":{"ownerReferences":null}}'], id="take the owner away"
            ),
            pytest.param(["patch", "job", NAME, "--subresource=status", "-p", '{"status":{"active":7}}'], id="status"),
        ],
    )
    def test_changing_one(self, attempt: Tenancy, refused: Refused, who: str, words: list[str]) -> None:
        refused(attempt.admin(*words) if who == "admin" else attempt.kubectl(who, *words), HANDS_OFF)
        assert attempt.read("job", NAME)["metadata"]["labels"] == LABELS

    def test_creating_one_before_the_operator_does(self, tenancy: Tenancy, refused: Refused) -> None:
        job = a_job(tenancy.cluster.pause_image, "11111111-1111-1111-1111-111111111111")
        refused(tenancy.kubectl("alice", "create", "-f", "-", stdin=job), HANDS_OFF)

    def test_whose_pods_would_look_like_a_runs(self, tenancy: Tenancy, refused: Refused) -> None:
        job = a_job(tenancy.cluster.pause_image, "")
        plain = {**job, "metadata": {"name": "mine", "labels": {"a": "b"}}}
        refused(tenancy.kubectl("alice", "create", "-f", "-", stdin=plain), "a Job whose pods carry the label")

    def test_the_built_in_controller_leaves_managed_jobs_alone(self, attempt: Tenancy, refused: Refused) -> None:
        controller = "system:serviceaccount:kube-system:job-controller"
        patch = ("patch", "job", NAME, "--subresource=status", "-p", '{"status":{"active":7}}')
        refused(attempt.kubectl(controller, *patch), HANDS_OFF)

    def test_the_operator_closes_its_job(self, attempt: Tenancy) -> None:
        now = "2026-01-01T00:00:00Z"
        condition = {"status": "True", "lastTransitionTime": now, "lastProbeTime": now, "reason": "", "message": ""}
        status = {
            "startTime": now,
            "completionTime": now,
            "succeeded": 1,
            "conditions": [{"type": "SuccessCriteriaMet", **condition}, {"type": "Complete", **condition}],
        }
        attempt.operator("patch", "job", NAME, "--subresource=status", "-p", json.dumps({"status": status}))
        assert "Complete" in attempt.admin("get", "job", NAME).stdout


def a_config_map() -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "output", "labels": LABELS},
        "data": {"a": "1"},
    }


def a_revision() -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "orders-0123456789", "labels": {"penstock.dev/workflow": "orders"}},
        "revision": 1,
        "data": {"spec": {"steps": []}},
    }


class TestContents:
    """Outputs and revisions."""

    @pytest.mark.parametrize("made", [a_config_map(), a_revision()], ids=["ConfigMap", "ControllerRevision"])
    def test_only_the_operator_writes_them(self, tenancy: Tenancy, refused: Refused, made: dict[str, Any]) -> None:
        kind, name = made["kind"], made["metadata"]["name"]
        refused(tenancy.kubectl("alice", "create", "-f", "-", stdin=made), "only the operator")
        tenancy.operator("create", "-f", "-", stdin=made)
        (label,) = made["metadata"]["labels"]
        for words in (
            ["delete", kind, name],
            ["delete", kind, "--all"],
            ["label", kind, name, f"{label}-"],
            ["annotate", kind, name, "a=b"],
        ):
            refused(tenancy.kubectl("alice", *words), "only the operator")
        assert tenancy.read(kind, name)["data"] == made["data"]

    def test_a_look_alike_is_not_made_of_another_object(self, tenancy: Tenancy, refused: Refused) -> None:
        plain = {**a_revision(), "metadata": {"name": "orders-0123456789"}}
        tenancy.kubectl("alice", "create", "-f", "-", stdin=plain, check=True)
        label = ("label", "controllerrevision", "orders-0123456789", "penstock.dev/workflow=orders")
        refused(tenancy.kubectl("alice", *label), "only the operator")
