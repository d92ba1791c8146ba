"""The guards with nobody behind them: the policies hold while the operator is down.

Everybody in the group `tenants` has every right on our kinds, Jobs and pods in the test's namespace, so that what is
refused is refused by a policy, never for want of a right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.cluster import OPERATOR, RELEASE, SYSTEM_NAMESPACE, Answer, Cluster, Release

TENANTS = "tenants"
PEOPLE = {
    # user or group -> what he may do beyond all tenants
    "runner": ("workflows/run", "create", ["orders"]),
    "inliner": ("workflowruns/inline", "create", []),
    "root": ("approvalrequests/bypass", "update", []),
}


@dataclass(frozen=True, slots=True)
class Tenancy:
    """A namespace with people in it."""

    cluster: Cluster
    namespace: str

    def kubectl(self, user: str, *words: str, **options: Any) -> Answer:
        """Run kubectl as one of the people; does not raise when it is refused."""
        groups = (*options.pop("as_groups", ()), TENANTS)
        return self.cluster.kubectl(
            "-n", self.namespace, *words, as_user=user, as_groups=groups, **{"check": False, **options}
        )

    def operator(self, *words: str, **options: Any) -> Answer:
        """Run kubectl as the operator, with the operator's own rights; raises when it is refused."""
        return self.cluster.kubectl("-n", self.namespace, *words, as_user=OPERATOR, **options)

    def admin(self, *words: str, **options: Any) -> Answer:
        """Run kubectl as the cluster's administrator, whom no RBAC holds; does not raise when it is refused."""
        return self.cluster.kubectl("-n", self.namespace, *words, **{"check": False, **options})

    def read(self, *words: str) -> Any:
        """What is there, as JSON."""
        return self.cluster.read("-n", self.namespace, *words)

    def gone(self, *words: str) -> bool:
        """Whether something is no longer there."""
        return "NotFound" in self.admin("get", *words).stderr


@pytest.fixture(scope="package")
def guards(cluster: Cluster, release: Release) -> Iterator[None]:
    """The charts of this tree, with the operator at zero replicas for as long as these tests run."""
    deployment = ("deployment", f"{RELEASE}-operator", "-n", SYSTEM_NAMESPACE)
    found = cluster.kubectl("get", *deployment, "-o", "jsonpath={.spec.replicas}", check=False)
    if found.returncode:
        images = {"image.operator": cluster.pause_image, "image.mcp": cluster.pause_image}
        release.install({**images, "operator.replicas": 0, "mcp.replicas": 0})
        yield
        return
    release.install({"operator.replicas": 0}, keep=True)
    yield
    release.install({"operator.replicas": int(found.stdout)}, keep=True)


@pytest.fixture
def tenancy(cluster: Cluster, namespace: str, guards: None) -> Tenancy:
    """People with rights, in a namespace of their own."""
    ours = ["workflows", "workflowruns", "approvalrequests"]
    status = [f"{kind}/status" for kind in ours]
    pods = [f"pods/{part}" for part in ("exec", "attach", "portforward", "proxy", "log", "status", "resize")]
    pods += ["pods", "pods/eviction", "pods/ephemeralcontainers"]
    rules = [
        _rule("penstock.dev", [*ours, *status]),
        _rule("", [*pods, "configmaps"]),
        _rule("batch", ["jobs", "jobs/status"]),
        _rule("apps", ["controllerrevisions"]),
    ]
    made = [*_role(TENANTS, "Group", rules)]
    for user, (resource, verb, names) in PEOPLE.items():
        made += _role(user, "User", [{**_rule("penstock.dev", [resource]), "verbs": [verb], "resourceNames": names}])
    cluster.kubectl("apply", "-n", namespace, "-f", "-", stdin={"apiVersion": "v1", "kind": "List", "items": made})
    return Tenancy(cluster, namespace)


@pytest.fixture
def refused(tenancy: Tenancy) -> Callable[[Answer, str], None]:
    """Asserts that a request was refused by a guard, for the reason that is given."""

    def check(answer: Answer, reason: str) -> None:
        said = answer.stdout + answer.stderr
        assert answer.returncode != 0, f"nobody refused it: {said}"
        assert reason in said

    return check


def _rule(group: str, resources: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": ["*"]}


def _role(name: str, kind: str, rules: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    api = "rbac.authorization.k8s.io"
    yield {"apiVersion": f"{api}/v1", "kind": "Role", "metadata": {"name": name}, "rules": rules}
    yield {
        "apiVersion": f"{api}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": api, "kind": "Role", "name": name},
        "subjects": [{"apiGroup": api, "kind": kind, "name": name}],
    }
