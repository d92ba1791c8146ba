"""The cluster where a Docker daemon answers: kind, with the same audit log and the same commands.

Untested on machines without Docker, among them the one it was written on. So it does little: kind does the work.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster import context, documents
from tests.cluster.layout import Layout
from tests.cluster.programs import run, step, succeeds
from tests.cluster.runtime import listed_digest, pinned

KIND = "sigs.k8s.io/kind@v0.33.0"
NAME = "penstock"
_IN_NODE = "/var/log/penstock-audit"


def docker_answers() -> bool:
    """Whether a Docker daemon takes requests."""
    return shutil.which("docker") is not None and succeeds(["docker", "info"], timeout=10)


def cluster_config(audit: Path) -> str:
    """kind's configuration: one node, with the folder `audit` mounted for the policy and the log."""
    settings = {
        "audit-policy-file": f"{_IN_NODE}/policy.json",
        "audit-log-path": f"{_IN_NODE}/audit.log",
        "audit-log-maxsize": "4096",
    }
    volume = {"name": "audit", "hostPath": _IN_NODE, "mountPath": _IN_NODE, "pathType": "Directory"}
    # kubeadm takes a mapping before Kubernetes 1.36 and a list since; kind applies the patch whose version fits.
    arguments = {"v1beta3": settings, "v1beta4": [{"name": name, "value": value} for name, value in settings.items()]}
    patches = [
        {
            "apiVersion": f"kubeadm.k8s.io/{version}",
            "kind": "ClusterConfiguration",
            "apiServer": {"extraArgs": extra, "extraVolumes": [volume]},
        }
        for version, extra in arguments.items()
    ]
    node = {
        "role": "control-plane",
        "extraMounts": [{"hostPath": str(audit), "containerPath": _IN_NODE}],
        "kubeadmConfigPatches": [json.dumps(patch) for patch in patches],
    }
    document = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": [node]}
    return json.dumps(document, indent=2)


class KindCluster:
    """One kind cluster whose kubeconfig and audit log lie in the state folder."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def up(self) -> None:
        """Create the cluster, unless it runs."""
        if self.running():
            return
        self.down()
        audit = self._layout.audit_log.parent
        audit.mkdir(parents=True, exist_ok=True)
        (audit / "policy.json").write_text(documents.audit_policy())
        config = self._layout.state / "kind.json"
        config.write_text(cluster_config(audit))
        files = ("--kubeconfig", self._layout.kubeconfig, "--config", config)
        with step("creating a kind cluster"):
            run([self._kind(), "create", "cluster", "--name", NAME, *files, "--wait", "120s"])

    def running(self) -> bool:
        """Whether the cluster exists and its API server answers through the kubeconfig."""
        if not self._layout.kubeconfig.exists() or NAME not in run([self._kind(), "get", "clusters"]).split():
            return False
        control = ["docker", "exec", f"{NAME}-control-plane", "kubectl", "--kubeconfig=/etc/kubernetes/admin.conf"]
        return succeeds([*control, "get", "--raw", "/readyz"])

    def down(self) -> None:
        """Delete the cluster. The audit log stays."""
        run([self._kind(), "delete", "cluster", "--name", NAME, "--kubeconfig", self._layout.kubeconfig])
        self._layout.kubeconfig.unlink(missing_ok=True)

    def describe(self) -> list[str]:
        """One line for each node."""
        return run([self._kind(), "get", "nodes", "--name", NAME]).split()

    def build(self, dockerfile: Path, folder: Path, name: str, arguments: Mapping[str, str]) -> str:
        """Build an image with Docker, from its public base, and load it into the node; return its digest there."""
        with tempfile.TemporaryDirectory(prefix="penstock-build-") as scratch, step(f"building {name}"):
            context.stage(folder, Path(scratch))
            values = [word for item in arguments.items() for word in ("--build-arg", "=".join(item))]
            run(["docker", "build", *values, "-f", dockerfile, "-t", name, scratch], timeout=1800)
            run([self._kind(), "load", "docker-image", name, "--name", NAME])
        # Docker's id is not what containerd knows the image by, and kind makes no name with a digest.
        ctr = ["docker", "exec", f"{NAME}-control-plane", "ctr", "--namespace=k8s.io", "images"]
        digest = listed_digest(run([*ctr, "list", f"name=={name}"]), name)
        run([*ctr, "tag", "--force", name, pinned(name, digest)])
        return digest

    def _kind(self) -> str:
        """The kind on PATH, else one that is installed into the state folder's `bin`."""
        if found := shutil.which("kind"):
            return found
        own = self._layout.bin / "kind"
        if not own.exists():
            with step(f"installing {KIND}"):
                run(["env", f"GOBIN={self._layout.bin}", "go", "install", KIND])
        return str(own)
