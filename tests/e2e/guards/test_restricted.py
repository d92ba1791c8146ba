"""What the operator may start: a stolen token of it, or a mistake in it, starts nothing worse than a step."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.guards.conftest import Tenancy
from tests.e2e.guards.test_owned import a_job, a_pod, owner
from tests.support.cluster import Answer

Refused = Callable[[Answer, str], None]

UID = "11111111-1111-1111-1111-111111111111"
ABSENT = object()


def changed(manifest: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """The manifest with another value at a dotted path, or without that field."""
    made = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    place: Any = made
    for part in parents:
        place = place[int(part)] if part.isdigit() else place.setdefault(part, {})
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    return made


CONTEXT = "containers.0.securityContext"
ROOTLESS = "pods of runs are not root"
ESCALATION = "allowPrivilegeEscalation: false"
DROPS = "drop ALL capabilities and add none"
NODE = "share no network, processes, memory or ports with the node"
VOLUMES = "volumes of runs are emptyDir"
TOKEN = "automountServiceAccountToken: false"

SPECS = [
    pytest.param("securityContext.runAsNonRoot", ABSENT, ROOTLESS, id="may be root"),
    pytest.param("securityContext.runAsUser", 0, ROOTLESS, id="user 0"),
    pytest.param(f"{CONTEXT}.runAsNonRoot", False, ROOTLESS, id="container may be root"),
    pytest.param(f"{CONTEXT}.runAsUser", 0, ROOTLESS, id="container of user 0"),
    pytest.param("securityContext.seccompProfile", ABSENT, "RuntimeDefault", id="no seccomp"),
    pytest.param(f"{CONTEXT}.seccompProfile", {"type": "Unconfined"}, "RuntimeDefault", id="seccomp off"),
    pytest.param(f"{CONTEXT}.allowPrivilegeEscalation", ABSENT, ESCALATION, id="escalation by default"),
    pytest.param(f"{CONTEXT}.capabilities", ABSENT, DROPS, id="default capabilities"),
    pytest.param(f"{CONTEXT}.capabilities.add", ["NET_ADMIN"], DROPS, id="one capability more"),
    pytest.param(f"{CONTEXT}.readOnlyRootFilesystem", ABSENT, "readOnlyRootFilesystem", id="writable root"),
    pytest.param("hostNetwork", True, NODE, id="the node's network"),
    pytest.param("hostPID", True, NODE, id="the node's processes"),
    pytest.param("hostIPC", True, NODE, id="the node's memory"),
    pytest.param("containers.0.ports", [{"containerPort": 80, "hostPort": 80}], NODE, id="the node's port"),
    pytest.param("volumes", [{"name": "v", "hostPath": {"path": "/"}}], VOLUMES, id="the node's files"),
    pytest.param("volumes", [{"name": "v", "nfs": {"server": "s", "path": "/"}}], VOLUMES, id="files of a server"),
    pytest.param(
        "volumes",
        [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}],
        VOLUMES,
        id="a token, projected",
    ),
    pytest.param(
        "volumes",
        [{"name": "v", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}}],
        VOLUMES,
        id="a Secret, projected",
    ),
    pytest.param("automountServiceAccountToken", ABSENT, TOKEN, id="a token by default"),
    pytest.param("automountServiceAccountToken", True, TOKEN, id="a token"),
    pytest.param(
        "initContainers",
        [{"name": "first", "image": "i", "securityContext": {"allowPrivilegeEscalation": True}}],
        ESCALATION,
        id="an init container",
    ),
]


@pytest.mark.parametrize(("path", "value", "reason"), SPECS)
class TestSpec:
    def test_of_a_pod(self, tenancy: Tenancy, refused: Refused, path: str, value: object, reason: str) -> None:
        pod = changed(a_pod("localhost/pause:1", UID), f"spec.{path}", value)
        refused(tenancy.operator("create", "-f", "-", stdin=pod, check=False), reason)

    def test_of_a_job(self, tenancy: Tenancy, refused: Refused, path: str, value: object, reason: str) -> None:
        """The built-in Job controller would make its pods."""
        job = changed(a_job("localhost/pause:1", UID), f"spec.template.spec.{path}", value)
        refused(tenancy.operator("create", "-f", "-", stdin=job, check=False), reason)


class TestBelonging:
    """What the operator starts can be told from everything else, and goes with its run."""

    @pytest.mark.parametrize(
        ("path", "value", "reason"),
        [
            pytest.param("metadata.labels", ABSENT, "carries the label penstock.dev/run", id="no label"),
            pytest.param("metadata.ownerReferences", ABSENT, "belongs to one Job", id="no owner"),
            pytest.param(
                "metadata.ownerReferences",
                [owner("ReplicaSet", "apps/v1", UID)],
                "belongs to one Job",
                id="another owner",
            ),
            pytest.param("metadata.ownerReferences.0.controller", False, "belongs to one Job", id="no controller"),
        ],
    )
    def test_of_a_pod(self, tenancy: Tenancy, refused: Refused, path: str, value: object, reason: str) -> None:
        pod = changed(a_pod("localhost/pause:1", UID), path, value)
        refused(tenancy.operator("create", "-f", "-", stdin=pod, check=False), reason)

    @pytest.mark.parametrize(
        ("path", "value", "reason"),
        [
            # A Job without any labels gets those of its pods.
            pytest.param("metadata.labels", {"a": "b"}, "carry the label penstock.dev/run", id="another label"),
            pytest.param("spec.template.metadata", ABSENT, "carry the label penstock.dev/run", id="pods without label"),
            pytest.param("metadata.ownerReferences", ABSENT, "belongs to one WorkflowRun", id="no owner"),
            pytest.param(
                "metadata.ownerReferences",
                [owner("ConfigMap", "v1", UID)],
                "belongs to one WorkflowRun",
                id="another owner",
            ),
        ],
    )
    def test_of_a_job(self, tenancy: Tenancy, refused: Refused, path: str, value: object, reason: str) -> None:
        job = changed(a_job("localhost/pause:1", UID), path, value)
        refused(tenancy.operator("create", "-f", "-", stdin=job, check=False), reason)

    def test_allowed_volumes(self, tenancy: Tenancy) -> None:
        volumes: list[dict[str, Any]] = [
            {"name": "work", "emptyDir": {"sizeLimit": "1Gi"}},
            {"name": "in", "downwardAPI": {"items": [{"path": "input", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {"name": "more", "configMap": {"name": "input"}},
            {"name": "all", "projected": {"sources": [{"configMap": {"name": "input"}}]}},
        ]
        pod = changed(a_pod("localhost/pause:1", UID), "spec.volumes", volumes)
        tenancy.operator("create", "--dry-run=server", "-f", "-", stdin=pod)
