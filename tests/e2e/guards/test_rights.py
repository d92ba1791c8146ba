"""Least rights: what the operator's and the MCP server's identities may do, and what the roles for people hold."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
import yaml

from tests.e2e.guards.conftest import Tenancy
from tests.support.cluster import MCP_SERVER, OPERATOR, RELEASE, SYSTEM_NAMESPACE, Answer, groups_of

Refused = Callable[[Answer, str], None]


def may(tenancy: Tenancy, user: str, right: str) -> bool:
    """Whether RBAC lets `user` do `right`, such as `get pods/log` or `create jobs.batch`, in the namespace."""
    verb, resource = right.split()
    name, _, subresource = resource.partition("/")
    kind, _, group = name.partition(".")
    attributes = {"namespace": tenancy.namespace, "verb": verb, "resource": kind}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": user,
            "groups": list(groups_of(user)),
            "resourceAttributes": {**attributes, "group": group, "subresource": subresource},
        },
    }
    answer = tenancy.cluster.kubectl("create", "-f", "-", "-o", "json", stdin=review)
    return bool(json.loads(answer.stdout)["status"]["allowed"])


class TestOperator:
    @pytest.mark.parametrize(
        "right",
        [
            "get secrets", "list secrets", "watch secrets", "create secrets", "create serviceaccounts/token",
            "create pods/exec", "create pods/attach", "update pods", "patch pods", "patch nodes", "update configmaps",
            "delete configmaps", "delete workflows.penstock.dev", "deletecollection workflowruns.penstock.dev",
            "create workflows.penstock.dev", "update approvalrequests.penstock.dev/bypass", "impersonate users",
            "create clusterrolebindings.rbac.authorization.k8s.io", "create rolebindings.rbac.authorization.k8s.io",
            "patch validatingadmissionpolicies.admissionregistration.k8s.io", "create deployments.apps",
            "get leases.coordination.k8s.io",
        ],
    )  # fmt: skip
    def test_never(self, tenancy: Tenancy, right: str) -> None:
        assert not may(tenancy, OPERATOR, right)

    @pytest.mark.parametrize(
        "right",
        [
            "watch workflows.penstock.dev", "patch workflowruns.penstock.dev/status", "create jobs.batch",
            "create approvalrequests.penstock.dev", "patch jobs.batch/status", "create pods", "delete pods",
            "get pods/log", "create configmaps", "create controllerrevisions.apps", "create events",
            "create events.events.k8s.io", "create workflowruns.penstock.dev",
            "create localsubjectaccessreviews.authorization.k8s.io",
        ],
    )  # fmt: skip
    def test_its_work(self, tenancy: Tenancy, right: str) -> None:
        assert may(tenancy, OPERATOR, right)


class TestPeople:
    """The ClusterRoles that administrators bind."""

    @pytest.mark.parametrize(
        ("role", "can", "cannot"),
        [
            pytest.param(
                "viewer",
                ["list workflowruns", "get pods/log", "get configmaps"],
                ["create workflowruns", "get secrets"],
                id="viewer",
            ),
            pytest.param(
                "runner",
                ["create workflowruns", "patch workflowruns", "create workflows/run"],
                ["create workflowruns/inline", "patch workflows", "patch approvalrequests"],
                id="runner",
            ),
            pytest.param(
                "approver",
                ["patch approvalrequests", "list workflowruns"],
                ["create workflowruns", "update approvalrequests/bypass"],
                id="approver",
            ),
            pytest.param(
                "author",
                ["create workflows", "create workflowruns/inline", "create workflows/run", "delete workflowruns"],
                ["patch approvalrequests", "update approvalrequests/bypass", "patch workflowruns/status"],
                id="author",
            ),
            pytest.param(
                "admin",
                ["update approvalrequests/bypass", "create workflows", "patch approvalrequests"],
                ["patch workflowruns/status", "delete approvalrequests", "get secrets"],
                id="admin",
            ),
        ],
    )
    def test_roles(self, tenancy: Tenancy, role: str, can: list[str], cannot: list[str]) -> None:
        tenancy.admin("create", "rolebinding", "one", f"--clusterrole={RELEASE}-{role}", "--user=one", check=True)
        held = [right for right in (*can, *cannot) if may(tenancy, "one", _ours(right))]
        assert held == can

    @pytest.mark.parametrize(
        ("role", "can", "cannot"),
        [
            ("view", ["list workflowruns"], ["create workflowruns"]),
            ("edit", ["create workflowruns", "create workflows"], ["update approvalrequests/bypass"]),
            ("admin", ["create workflows", "patch approvalrequests"], ["update approvalrequests/bypass"]),
        ],
    )
    def test_kubernetes_own_roles(self, tenancy: Tenancy, role: str, can: list[str], cannot: list[str]) -> None:
        tenancy.admin("create", "rolebinding", "one", f"--clusterrole={role}", "--user=one", check=True)
        held = [right for right in (*can, *cannot) if may(tenancy, "one", _ours(right))]
        assert held == can


def _ours(right: str) -> str:
    """`create workflows/run` as `create workflows.penstock.dev/run`."""
    return re.sub(r"(workflows|workflowruns|approvalrequests)", r"\1.penstock.dev", right)


class TestMcpServer:
    """The server acts as its callers. What it may do as them is fixed here, so that a stolen one does little."""

    @pytest.fixture
    def boss(self, tenancy: Tenancy) -> str:
        """Somebody who may do everything in the namespace."""
        tenancy.admin("create", "rolebinding", "boss", "--clusterrole=cluster-admin", "--user=boss", check=True)
        return "boss"

    @pytest.fixture
    def robot(self, tenancy: Tenancy) -> str:
        """A ServiceAccount that may run orders, in a namespace that is on the list mcp.tenantNamespaces."""
        name = tenancy.namespace
        tenancy.admin("create", "serviceaccount", "robot", check=True)
        tenancy.admin("create", "rolebinding", "robot", "--role=tenants", f"--serviceaccount={name}:robot", check=True)
        tenancy.admin("create", "rolebinding", "robot-runs", "--role=runner", f"--serviceaccount={name}:robot")
        values = [f"--set-json=mcp.tenantNamespaces={json.dumps([name])}", "--set=image.operator=o,image.mcp=m"]
        chart = ("template", RELEASE, "charts/penstock", "-n", SYSTEM_NAMESPACE, "-s", "templates/mcp-rbac.yaml")
        made = yaml.safe_load_all(tenancy.cluster.helm(*chart, *values).stdout)
        for manifest in made:
            if manifest and manifest["metadata"].get("namespace") == name:
                tenancy.admin("apply", "-f", "-", stdin=manifest, check=True)
        return f"system:serviceaccount:{name}:robot"

    def through(
        self, tenancy: Tenancy, token: str, user: str, *words: str, groups: tuple[str, ...] = (), stdin: object = None
    ) -> Answer:
        identity = [f"--token={token}", f"--as={user}", *(f"--as-group={group}" for group in groups)]
        server = tenancy.admin("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}").stdout
        # Without its certificate the administrator's kubeconfig would win over the token.
        plain = ["--kubeconfig=/dev/null", f"--server={server}", "--insecure-skip-tls-verify"]
        return tenancy.admin(*plain, *identity, *words, stdin=stdin)

    @pytest.fixture
    def token(self, tenancy: Tenancy) -> str:
        namespace, name = MCP_SERVER.split(":")[2:]
        return tenancy.cluster.kubectl("create", "token", name, "-n", namespace).stdout.strip()

    def test_what_our_kinds_need_it_does_as_the_caller(self, tenancy: Tenancy, boss: str, token: str) -> None:
        for words in (["get", "pwr"], ["get", "pwf"], ["get", "apr"], ["get", "pods"], ["auth", "whoami"]):
            answer = self.through(tenancy, token, boss, *words)
            assert answer.returncode == 0, answer.stderr
        extra = self.through(tenancy, token, boss, "get", "pwr", "--as-user-extra=penstock.dev/client=agent-7")
        assert extra.returncode == 0, extra.stderr

    @pytest.mark.parametrize(
        "words",
        [
            ["get", "secrets"],
            ["delete", "pwf", "orders"],
            ["create", "configmap", "c"],
            ["delete", "pod", "one"],
            ["create", "token", "default"],
            ["get", "pwr", "--as-user-extra=other.dev/x=y"],
        ],
    )
    def test_nothing_else(self, tenancy: Tenancy, boss: str, token: str, refused: Refused, words: list[str]) -> None:
        refused(self.through(tenancy, token, boss, *words), "impersonate")

    @pytest.mark.parametrize(
        ("user", "groups"),
        [
            pytest.param("boss", ("system:masters",), id="a group that is not on the list"),
            pytest.param(OPERATOR, (), id="the operator"),
            pytest.param("system:serviceaccount:kube-system:generic-garbage-collector", (), id="a controller"),
            pytest.param("system:node:penstock-node", ("system:nodes",), id="a node"),
        ],
    )
    def test_nobody_else(
        self, tenancy: Tenancy, token: str, refused: Refused, user: str, groups: tuple[str, ...]
    ) -> None:
        refused(self.through(tenancy, token, user, "get", "pwr", groups=groups), "impersonate")

    def test_service_accounts_of_listed_namespaces(self, tenancy: Tenancy, robot: str, token: str) -> None:
        workflow = {"workflow": {"name": "orders"}}
        run = {
            "apiVersion": "penstock.dev/v1alpha1",
            "kind": "WorkflowRun",
            "metadata": {"name": "r"},
            "spec": workflow,
        }
        words = ("create", "--validate=false", "-f", "-", "-o", "json")
        made = self.through(tenancy, token, robot, *words, stdin=run)
        assert made.returncode == 0, made.stderr
        stamp = json.loads(made.stdout)["spec"]["requestedBy"]
        assert (stamp["user"], stamp["client"]) == (robot, f"sa:{tenancy.namespace}:robot")

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(["get", "configmaps"], id="what our kinds do not need"),
            pytest.param(["delete", "pwf", "orders"], id="what the server never does"),
            pytest.param(["get", "pwr", "--as-group=leads"], id="with a group"),
            pytest.param(["get", "pwr", "-n", "default"], id="elsewhere"),
        ],
    )
    def test_service_accounts_and_nothing_else(
        self, tenancy: Tenancy, robot: str, token: str, refused: Refused, words: list[str]
    ) -> None:
        refused(self.through(tenancy, token, robot, *words), "impersonate")

    def test_by_itself_it_knows_the_workflows_and_checks_tokens(self, tenancy: Tenancy) -> None:
        assert may(tenancy, MCP_SERVER, "watch workflows.penstock.dev")
        assert may(tenancy, MCP_SERVER, "create tokenreviews.authentication.k8s.io")
        for right in ("list workflowruns.penstock.dev", "get secrets", "get pods/log", "impersonate users"):
            assert not may(tenancy, MCP_SERVER, right)
