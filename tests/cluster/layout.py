"""Where the test cluster keeps things: binaries and archives in a cache, everything that runs in one state folder.

Paths only. Whoever needs a folder makes it.
"""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
GO_PROJECTS = Path(__file__).resolve().parent / "go"


@dataclass(frozen=True, slots=True)
class Layout:
    """The two roots of everything that the test cluster writes."""

    cache: Path
    """Survives everything: built binaries, image archives. Safe to delete when no cluster runs."""
    state: Path
    """One cluster's life: process ids, certificates, kubeconfig, logs, data."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig (group `system:masters`)."""
        return self.state / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        """One JSON object a line for each mutating request."""
        return self.state / "audit" / "audit.log"

    @property
    def audit_policy(self) -> Path:
        """What the API server writes to the audit log."""
        return self.state / "audit-policy.json"

    @property
    def bin(self) -> Path:
        """Links to every built binary: one folder to put on PATH."""
        return self.state / "bin"

    @property
    def logs(self) -> Path:
        """One file a process."""
        return self.state / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys of the running cluster."""
        return self.state / "pki"

    @property
    def config(self) -> Path:
        """Rendered configuration of the components."""
        return self.state / "config"

    @property
    def containerd_socket(self) -> Path:
        """Where containerd answers (`ctr --address`)."""
        return self.state / "containerd.sock"

    @property
    def process_table(self) -> Path:
        """Names and ids of the processes that were started."""
        return self.state / "processes.json"

    @property
    def machine_record(self) -> Path:
        """What was changed on the machine, to be changed back."""
        return self.state / "machine.json"

    @property
    def backend_file(self) -> Path:
        """`kind` or `modules`: what the running cluster was made with."""
        return self.state / "backend"

    @property
    def cgroup(self) -> str:
        """The group that this cluster's processes are born in.

        Named after the state folder: whatever is in it is killed, so it must never be another cluster's.
        """
        return str(self.state).strip("/").replace("/", "-")

    @contextmanager
    def locked(self, name: str = "cluster") -> Iterator[None]:
        """Hold the lock `name`, so that two calls at once do not start or build the same thing twice."""
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / f"{name}.lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"waiting for another call that holds {handle.name} ...", file=sys.stderr, flush=True)
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def from_environment() -> Layout:
    """Read PENSTOCK_CACHE and PENSTOCK_CLUSTER_DIR; without them the user's cache and, for root, /var/lib."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path(os.environ.get("PENSTOCK_CACHE") or home / "penstock") / "cluster"
    default = Path("/var/lib/penstock-cluster") if os.geteuid() == 0 else cache / "state"
    return Layout(cache=cache, state=Path(os.environ.get("PENSTOCK_CLUSTER_DIR") or default).absolute())
