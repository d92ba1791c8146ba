"""The operator as a process of this machine, with the ServiceAccount's own rights: one that a test can kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cluster import RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster, wait_for
from tests.support.credentials import service_accounts_kubeconfig
from tests.support.installation import CA_BUNDLE, Images

ACCOUNT = f"{RELEASE}-operator"


@dataclass(frozen=True, slots=True)
class OperatorConfig:
    """How the operator of one namespace is run; the same as the chart does, but for the namespace."""

    kubeconfig: Path
    images: Mapping[str, str]
    logs: Path
    """Folder for what the processes print."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the processes."""

    def environment(self, namespace: str, crash: str, instance: str = "") -> dict[str, str]:
        """Environment of a process that drives one namespace and keeps its Lease there."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
        return {
            **kept,
            "KUBECONFIG": str(self.kubeconfig),
            "PENSTOCK_NAMESPACE": namespace,
            "PENSTOCK_INSTANCE": instance,
            "PENSTOCK_WATCH_NAMESPACES": namespace,
            "PENSTOCK_RUNTIME_IMAGES": json.dumps(dict(self.images)),
            "PENSTOCK_STEP_DNS_POLICY": "Default",
            "PENSTOCK_CA_BUNDLE": CA_BUNDLE,
            "PENSTOCK_CRASH": crash,
            "PENSTOCK_PORT": str(_free_port()),
            **self.settings,
        }


def operator_config(cluster: Cluster, images: Images, folder: Path) -> OperatorConfig:
    """The configuration, with a fresh token of the operator's ServiceAccount."""
    kubeconfig = service_accounts_kubeconfig(cluster, SYSTEM_NAMESPACE, ACCOUNT, folder)
    return OperatorConfig(kubeconfig, images.runtimes, folder)


def allow_lease(cluster: Cluster, namespace: str) -> None:
    """Let the operator keep its Lease in a namespace where the chart does not install it."""
    words = ("create", "-n", namespace)
    cluster.kubectl(*words, "role", "lease", "--verb=get,create,update", "--resource=leases.coordination.k8s.io")
    cluster.kubectl(*words, "rolebinding", "lease", "--role=lease", f"--serviceaccount={SYSTEM_NAMESPACE}:{ACCOUNT}")


class HostOperator:
    """One process after the other, in one namespace."""

    def __init__(self, config: OperatorConfig, namespace: str, instance: str = "") -> None:
        """`instance` tells replicas in one namespace apart."""
        self._config = config
        self._namespace = namespace
        self._instance = instance
        self._process: subprocess.Popen[bytes] | None = None
        self._log = config.logs / f"{namespace}{instance}.log"

    def start(self, crash: str = "") -> None:
        """Start it; `crash` is `before:N`, `after:N` or empty."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "penstock.handlers"],
                cwd=ROOT,
                env=self._config.environment(self._namespace, crash, self._instance),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def process_id(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None, "it was never started"
        return self._process.pid

    def ended(self) -> int | None:
        """The exit code of the process that was started last; None while it runs."""
        assert self._process is not None, "it was never started"
        return self._process.poll()

    def wait_ended(self, *, seconds: float) -> int:
        """The exit code, once there is one."""
        wait_for(lambda: self.ended() is not None, seconds=seconds, what=lambda: f"the operator ends\n{self.log()}")
        code = self.ended()
        assert code is not None
        return code

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in peace, which gives its Lease back."""
        self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """Stop it where it is, as a debugger or an overloaded machine does."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on from there."""
        self._signal(signal.SIGCONT)

    def log(self) -> str:
        """The end of what it printed."""
        return self._log.read_text(errors="replace")[-8000:] if self._log.exists() else ""

    def _signal(self, number: int) -> None:
        assert self._process is not None, "it was never started"
        self._process.send_signal(number)

    def _end(self, number: int) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
