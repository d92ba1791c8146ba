"""The real cluster for tests: finding or starting it, kubectl and helm on it, and the installation of Penstock.

Nothing here asserts what Penstock does; that is for the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster.layout import from_environment

ROOT = Path(__file__).resolve().parents[2]
RELEASE = "penstock"
SYSTEM_NAMESPACE = "penstock-system"
OPERATOR = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{RELEASE}-operator"
MCP_SERVER = f"system:serviceaccount:{SYSTEM_NAMESPACE}:{RELEASE}-mcp"

Answer = subprocess.CompletedProcess[str]


class NoClusterError(Exception):
    """No cluster can be had on this machine; the message says why."""


def required() -> bool:
    """Whether a test that cannot run has to fail: where `CI=true`."""
    return os.environ.get("CI", "") == "true"


def wait_for(condition: Callable[[], object], *, seconds: float, what: str | Callable[[], str]) -> None:
    """Return once `condition()` is true; AssertionError with `what`, as it is then, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:.0f} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.1)


def groups_of(user: str) -> tuple[str, ...]:
    """The groups that the API server gives a user without being asked."""
    if not user.startswith("system:serviceaccount:"):
        return ("system:authenticated",)
    namespace = user.split(":")[2]
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running cluster, as its administrator sees it."""

    kubeconfig: Path
    kubectl_program: str
    helm_program: str
    pause_image: str
    """An image that sleeps, without anything else in it; the node has it."""

    def kubectl(
        self,
        *words: str,
        as_user: str | None = None,
        as_groups: Sequence[str] = (),
        as_extra: Mapping[str, str] | None = None,
        stdin: object = None,
        check: bool = True,
        timeout: float = 60,
    ) -> Answer:
        """Run kubectl, as the administrator or impersonating; `stdin` is text, or objects that are sent as JSON.

        AssertionError with what kubectl said when it fails and `check` is true.
        """
        line = (self.kubectl_program, f"--kubeconfig={self.kubeconfig}", *words)
        if as_user:
            given = (*groups_of(as_user), *as_groups)
            line += (f"--as={as_user}", *(f"--as-group={group}" for group in given))
            line += tuple(f"--as-user-extra={key}={value}" for key, value in (as_extra or {}).items())
        return _run(line, stdin=stdin, check=check, timeout=timeout)

    def read(self, *words: str) -> Any:
        """`kubectl get` of something as JSON."""
        return json.loads(self.kubectl("get", *words, "-o", "json").stdout)

    def host(self) -> str:
        """The address of this machine at which pods reach it."""
        addresses = self.read("nodes")["items"][0]["status"]["addresses"]
        [node] = [each["address"] for each in addresses if each["type"] == "InternalIP"]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            # Nothing is sent: it only says from where this machine would.
            probe.connect((node, 9))
            return str(probe.getsockname()[0])

    def helm(self, *words: str, check: bool = True, timeout: float = 300) -> Answer:
        """Run helm as the administrator."""
        return _run((self.helm_program, f"--kubeconfig={self.kubeconfig}", *words), check=check, timeout=timeout)


def _run(words: Sequence[str], *, stdin: object = None, check: bool, timeout: float) -> Answer:
    text = stdin if isinstance(stdin, str) or stdin is None else json.dumps(stdin)
    done = subprocess.run(words, input=text, capture_output=True, text=True, timeout=timeout, check=False, cwd=ROOT)
    if check and done.returncode:
        raise AssertionError(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done


def find_cluster() -> Cluster:
    """The cluster that runs, else a new one (the first takes minutes). Raises NoClusterError."""
    available = _tests_cluster("available", timeout=60)
    if available.returncode:
        raise NoClusterError(available.stdout.strip() or available.stderr.strip())
    if _tests_cluster("status", timeout=60).returncode:
        started = _tests_cluster("up", timeout=3600)
        assert started.returncode == 0, started.stderr
    layout = from_environment()
    kind = available.stdout.strip() == "kind"
    return Cluster(
        kubeconfig=layout.kubeconfig,
        kubectl_program=_program(layout.bin, "kubectl"),
        helm_program=_program(layout.bin, "helm"),
        pause_image="registry.k8s.io/pause:3.10" if kind else "localhost/pause:1",
    )


def build_image(dockerfile: str, context: str, name: str, **arguments: str) -> str:
    """Build an image of this repository into the cluster and return its digest; paths are relative to its root."""
    words = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    done = _tests_cluster("build", dockerfile, context, name, *words, timeout=1800)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _tests_cluster(*words: str, timeout: float) -> Answer:
    return _run((sys.executable, "-m", "tests.cluster", *words), check=False, timeout=timeout)


def _program(folder: Path, name: str) -> str:
    own = folder / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise NoClusterError(f"{name} is not installed")
    return found


class Release:
    """The two charts in the cluster. One for everybody: kinds and policies are the cluster's."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def install(self, values: Mapping[str, object], *, keep: bool = False) -> None:
        """Install the charts or bring them up to date with these values; returns when the guards are in force.

        With `keep`, values that an earlier installation was given and these do not name stay.
        """
        chart = ("upgrade", "--install", "--namespace", SYSTEM_NAMESPACE, "--create-namespace", "--wait")
        self._cluster.helm(*chart, f"{RELEASE}-crds", str(ROOT / "charts" / "penstock-crds"))
        settings = [word for key, value in values.items() for word in ("--set-json", f"{key}={json.dumps(value)}")]
        kept = ["--reset-then-reuse-values"] if keep else []
        self._cluster.helm(*chart, RELEASE, str(ROOT / "charts" / "penstock"), *kept, *settings)
        wait_for(self._guarded, seconds=30, what="the admission policies are in force")

    def _guarded(self) -> bool:
        """Whether the guards refuse and stamp. Tried without writing anything."""
        run = self._try(_RUN)
        stamped = run.returncode == 0 and json.loads(run.stdout)["spec"]["requestedBy"]["user"] != "canary"
        workflow = self._try(_WORKFLOW)
        stamped = stamped and workflow.returncode == 0 and json.loads(workflow.stdout)["editedBy"]["user"] != "canary"
        return stamped and all("is forbidden" in self._try(canary).stderr for canary in _CANARIES)

    def _try(self, canary: object) -> Answer:
        words = ("create", "--dry-run=server", "-n", "default", "-f", "-", "-o", "json")
        return self._cluster.kubectl(*words, stdin=canary, check=False)


_LABELLED = {"name": "penstock-canary", "labels": {"penstock.dev/run": "canary", "penstock.dev/workflow": "canary"}}
_RUN = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "WorkflowRun",
    "metadata": _LABELLED,
    "spec": {"workflow": {"name": "penstock-canary"}, "requestedBy": {"user": "canary"}},
}
_WORKFLOW = {
    "apiVersion": "penstock.dev/v1alpha1",
    "kind": "Workflow",
    "metadata": {"name": "penstock-canary"},
    "spec": {"steps": [{"name": "canary", "script": {"runtime": "bash", "source": "true"}}]},
    "editedBy": {"user": "canary"},
}
_CANARIES: tuple[dict[str, object], ...] = (
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _LABELLED},
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _LABELLED,
        "spec": {"containers": [{"name": "canary", "image": "canary"}]},
    },
    {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": _LABELLED, "revision": 1, "data": {}},
    {
        "apiVersion": "penstock.dev/v1alpha1",
        "kind": "ApprovalRequest",
        "metadata": _LABELLED,
        "spec": {
            "request": {
                "run": {"name": "canary", "uid": "canary"},
                "step": "canary",
                "attempt": 1,
                "digest": "canary",
                "subject": "canary",
                "requestedBy": {"user": "canary"},
                "approvers": {"users": ["canary"]},
                "quorum": 1,
                "expiresAt": "2000-01-01T00:00:00Z",
                "nonce": "canary",
            }
        },
    },
)
