"""ServiceAccounts of steps: those that a namespace lists, for Workflows of people who may act as them themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.e2e.guards.test_owned import a_job, a_pod
from tests.e2e.guards.test_restricted import UID, changed
from tests.support.cluster import OPERATOR, SYSTEM_NAMESPACE, Answer

Refused = Callable[[Answer, str], None]

UNLISTED = "does not let steps have ServiceAccount deployer: its annotation penstock.dev/service-accounts"
WITHOUT_RIGHT = "you may not use ServiceAccount deployer: whoever writes a Workflow needs the right to impersonate it"


@pytest.fixture
def listed(tenancy: Tenancy) -> None:
    """The namespace lets steps have the account `deployer`, which exists; author may impersonate it."""
    tenancy.admin("create", "serviceaccount", "deployer", check=True)
    note = "penstock.dev/service-accounts=reader, deployer"
    tenancy.admin("annotate", "namespace", tenancy.namespace, note, check=True)
    words = ("--verb=impersonate", "--resource=serviceaccounts", "--resource-name=deployer")
    tenancy.admin("create", "role", "acts", *words, check=True)
    tenancy.admin("create", "rolebinding", "acts", "--role=acts", "--user=author", check=True)


def a_spec(account: str = "deployer", source: str = "echo hello") -> dict[str, Any]:
    step = {"name": "hello", "script": {"runtime": "bash", "source": source}}
    return {"podDefaults": {"serviceAccountName": account}, "steps": [step]}


def an_object(kind: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "penstock.dev/v1alpha1", "kind": kind, "metadata": {"name": "orders"}, "spec": spec}


def write(tenancy: Tenancy, user: str, thing: dict[str, Any], verb: str = "create") -> Answer:
    return tenancy.kubectl(user, verb, "-f", "-", stdin=thing)


class TestAuthors:
    def test_a_namespace_that_lists_none_has_none(self, tenancy: Tenancy, refused: Refused) -> None:
        refused(tenancy.admin("create", "-f", "-", stdin=an_object("Workflow", **a_spec())), UNLISTED)

    def test_whoever_may_act_as_it_writes_it_down(self, tenancy: Tenancy, listed: None, refused: Refused) -> None:
        refused(write(tenancy, "alice", an_object("Workflow", **a_spec())), WITHOUT_RIGHT)
        made = write(tenancy, "author", an_object("Workflow", **a_spec()))
        assert made.returncode == 0, made.stderr

    def test_names_count_whole(self, tenancy: Tenancy, listed: None, refused: Refused) -> None:
        answer = tenancy.admin("create", "-f", "-", stdin=an_object("Workflow", **a_spec("deploy")))
        refused(answer, "does not let steps have ServiceAccount deploy:")

    def test_whoever_changes_the_steps_needs_the_right(self, tenancy: Tenancy, listed: None, refused: Refused) -> None:
        assert write(tenancy, "author", an_object("Workflow", **a_spec())).returncode == 0
        other = an_object("Workflow", **a_spec(source="cat /var/run/secrets/kubernetes.io/serviceaccount/token"))
        refused(write(tenancy, "alice", other, "replace"), WITHOUT_RIGHT)
        assert tenancy.kubectl("alice", "label", "pwf", "orders", "team=sales").returncode == 0

    def test_whoever_runs_it_needs_no_right(self, tenancy: Tenancy, listed: None) -> None:
        assert write(tenancy, "author", an_object("Workflow", **a_spec())).returncode == 0
        made = write(tenancy, "runner", an_object("WorkflowRun", workflow={"name": "orders"}))
        assert made.returncode == 0, made.stderr

    def test_whoever_brings_a_definition_along_is_its_author(
        self, tenancy: Tenancy, listed: None, refused: Refused
    ) -> None:
        run = an_object("WorkflowRun", inline=a_spec())
        refused(write(tenancy, "inliner", run), WITHOUT_RIGHT)
        words = ("create", "rolebinding", "acts-inline", "--role=acts", "--user=inliner")
        tenancy.admin(*words, check=True)
        made = write(tenancy, "inliner", run)
        assert made.returncode == 0, made.stderr


def acting(manifest: dict[str, Any], path: str = "spec", **spec: Any) -> dict[str, Any]:
    """The pod or Job as an account, with its token."""
    for field, value in {"serviceAccountName": "deployer", "automountServiceAccountToken": True, **spec}.items():
        manifest = changed(manifest, f"{path}.{field}", value)
    return manifest


class TestPods:
    """Of a stolen operator: it acts as what namespaces list, and as nothing else."""

    def test_as_an_account_that_is_listed(self, tenancy: Tenancy, listed: None) -> None:
        tenancy.operator("create", "--dry-run=server", "-f", "-", stdin=acting(a_pod("localhost/pause:1", UID)))
        job = acting(a_job("localhost/pause:1", UID), "spec.template.spec")
        tenancy.operator("create", "--dry-run=server", "-f", "-", stdin=job)

    @pytest.mark.parametrize("token", [True, False])
    def test_as_no_other(self, tenancy: Tenancy, listed: None, refused: Refused, token: bool) -> None:
        tenancy.admin("create", "serviceaccount", "admin", check=True)
        more = {"serviceAccountName": "admin", "automountServiceAccountToken": token}
        why = "automountServiceAccountToken: false, unless" if token else "does not let steps have ServiceAccount admin"
        pod = acting(a_pod("localhost/pause:1", UID), **more)
        refused(tenancy.operator("create", "-f", "-", stdin=pod, check=False), why)
        job = acting(a_job("localhost/pause:1", UID), "spec.template.spec", **more)
        refused(tenancy.operator("create", "-f", "-", stdin=job, check=False), why)

    def test_not_as_the_default_account(self, tenancy: Tenancy, listed: None, refused: Refused) -> None:
        pod = acting(a_pod("localhost/pause:1", UID), serviceAccountName="default")
        refused(tenancy.operator("create", "-f", "-", stdin=pod, check=False), "automountServiceAccountToken: false")

    def test_not_for_another_audience(self, tenancy: Tenancy, listed: None, refused: Refused) -> None:
        token = {"path": "t", "audience": "vault"}
        volumes = [{"name": "v", "projected": {"sources": [{"serviceAccountToken": token}]}}]
        pod = acting(a_pod("localhost/pause:1", UID), volumes=volumes)
        refused(tenancy.operator("create", "-f", "-", stdin=pod, check=False), "volumes of runs are")

    def test_never_as_one_of_the_installation(self, tenancy: Tenancy, refused: Refused) -> None:
        account = OPERATOR.rpartition(":")[2]
        pod = acting(a_pod("localhost/pause:1", UID), serviceAccountName=account)
        words = ("-n", SYSTEM_NAMESPACE, "create", "--dry-run=server", "-f", "-")
        answer = tenancy.cluster.kubectl(*words, as_user=OPERATOR, stdin=pod, check=False)
        refused(answer, "runs in the namespace of this installation have no Secrets and no ServiceAccount")
