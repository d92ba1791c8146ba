"""The cluster built from Go modules: start, stop and state of a real single-node Kubernetes without Docker."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.cluster import cgroups, commands, documents, gobuild, images, machine, packages, pki, processes
from tests.cluster.api import ApiProbe, proxy_ready
from tests.cluster.layout import Layout
from tests.cluster.programs import ClusterError, say, wait_until
from tests.cluster.runtime import Runtime

READY_SECONDS = 60
# The runtime's images stay from start to start; these hold the state of one cluster.
_FRESH = ("etcd", "kubelet", "containerd-state", "private", "cni", "config", "pki", "logs", "audit")
_KEPT_TO_READ = ("logs", "audit")


def unavailable() -> str | None:
    """Why this machine cannot run it, or None when it can."""
    if platform.system() != "Linux":
        return "not Linux"
    if os.geteuid() != 0:
        return "not root"
    version = gobuild.go_version()
    if version is None or version < gobuild.OLDEST_GO:
        return "no Go >= {}.{}".format(*gobuild.OLDEST_GO)
    return None


class ModulesCluster:
    """One cluster in one state folder."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._table = processes.ProcessTable(layout.process_table)
        self._api = ApiProbe(layout.pki)
        self._runtime = Runtime(layout)

    def up(self) -> None:
        """Start the cluster, or do nothing when it runs. What a crash left is cleaned up first."""
        if self.running():
            return
        check_length(self._layout.containerd_socket)
        self._stop_all()
        packages.ensure(packages.TO_RUN)
        with self._layout.locked("build"):
            gobuild.build_all(self._layout)
            pause = images.pause_archive(self._layout)
        machine.check_ports()
        began = time.monotonic()
        say("starting the cluster ...")
        try:
            self._start(pause)
        except BaseException:
            say(f"the cluster did not start; its logs are in {self._layout.logs}")
            self._stop_all()
            raise
        say(f"  ready after {time.monotonic() - began:.1f} s")

    def running(self) -> bool:
        """Whether every process lives and the API server and the node are ready."""
        return (
            self._table.read().keys() == set(commands.COMPONENTS)
            and not self._table.ended()
            and self._api.ready()
            and self._api.node_ready()
        )

    def down(self) -> None:
        """Stop everything and put the machine back. Images, logs and the audit log stay."""
        self._stop_all()

    def describe(self) -> list[str]:
        """One line a process."""
        return [
            f"{process.name:24} {'running' if process.alive() else 'ended':8} pid {process.pid}"
            for process in self._table.read().values()
        ]

    def start_component(self, name: str) -> None:
        """Start one component again that was stopped; for tests of outages."""
        process = self._table.read().get(name)
        if process is not None and process.alive():
            return
        self._start_one(self._commands()[name])

    def stop_component(self, name: str, *, patience: float = 5) -> None:
        """End one component; the others go on. With `patience=0` it gets no chance to end in order."""
        if name not in self._table.read():
            raise ClusterError(f"no running component is called {name}; there are: {', '.join(self._table.read())}")
        self._table.stop([name], patience=patience)

    def _commands(self) -> dict[str, commands.Command]:
        return commands.every(self._layout, machine.address_and_mtu()[0])

    def _start(self, pause: Path) -> None:
        layout = self._layout
        address, mtu = machine.address_and_mtu()
        for name in _FRESH:
            shutil.rmtree(layout.state / name, ignore_errors=True)
            (layout.state / name).mkdir(mode=0o700)
        machine.prepare(layout.machine_record)
        pki.create(layout.pki, pki.identities(documents.NODE, address))
        self._write_documents(address, mtu)
        self._start_all(("mounts", "etcd", "kube-apiserver"))
        self._wait((layout.state / "mounted").exists, "the mount namespace")
        self._start_runtime()
        if not self._runtime.has_image(documents.PAUSE_IMAGE):
            self._runtime.load(pause, documents.PAUSE_IMAGE)
        self._wait(self._api.ready, "the API server is ready")
        self._start_all(("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"))
        self._wait(self._api.node_ready, "the node is ready")
        self._wait(proxy_ready, "kube-proxy has written its rules")
        write_private(layout.kubeconfig, self._kubeconfig("admin", address))

    def _start_runtime(self) -> None:
        self._start_all(("containerd",))
        self._wait(self._runtime.answers, "containerd answers")
        if self._runtime.purge():
            self._table.stop(["containerd"])
            self._start_all(("containerd",))
            self._wait(self._runtime.answers, "containerd answers")

    def _write_documents(self, address: str, mtu: int) -> None:
        layout = self._layout
        plugins = next(package.proof for package in packages.TO_RUN if package.name == "containernetworking-plugins")
        cni = layout.config / "cni"
        cni.mkdir()
        (cni / "10-penstock.conflist").write_text(documents.cni(addresses=layout.state / "cni", mtu=mtu))
        (layout.config / "containerd.toml").write_text(
            documents.containerd(
                root=layout.state / "containerd",
                state=layout.state / "containerd-state",
                socket=layout.containerd_socket,
                runc=layout.bin / "runc",
                cni_plugins=Path(plugins).parent,
                cni_config=cni,
            )
        )
        (layout.config / "kubelet.json").write_text(
            documents.kubelet(
                pki=layout.pki,
                socket=layout.containerd_socket,
                resolv_conf=machine.resolv_conf(),
                folder=layout.state / "kubelet",
                cgroup=layout.cgroup,
            )
        )
        (layout.config / "kube-proxy.json").write_text(
            documents.kube_proxy(
                kubeconfig=layout.config / "kube-proxy.kubeconfig", masquerade_all=machine.masquerade_all()
            )
        )
        layout.audit_policy.write_text(documents.audit_policy())
        for name in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
            write_private(layout.config / f"{name}.kubeconfig", self._kubeconfig(name, "127.0.0.1"))

    def _kubeconfig(self, name: str, address: str) -> str:
        return pki.kubeconfig(self._layout.pki, name, f"https://{address}:{commands.API_PORT}")

    def _start_all(self, names: Iterable[str]) -> None:
        known = self._commands()
        for name in names:
            self._start_one(known[name])

    def _start_one(self, command: commands.Command) -> None:
        self._table.start(
            command.name,
            command.words,
            log=self._layout.logs / f"{command.name}.log",
            env={**os.environ, "PATH": f"{self._layout.bin}:{os.environ.get('PATH', os.defpath)}"},
            cgroup=cgroups.create(self._layout.cgroup),
            mounts=self._table.read()["mounts"].pid if command.in_mounts else None,
        )

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        """Poll until the condition holds; fail at once, with its log, when a component ends meanwhile."""

        def holds() -> bool:
            for name in self._table.ended():
                log = self._layout.logs / f"{name}.log"
                raise ClusterError(f"{name} ended while waiting until {what}:\n{processes.last_lines(log)}")
            return condition()

        wait_until(holds, seconds=READY_SECONDS, what=what)

    def _stop_all(self) -> None:
        """End the recorded processes, then whatever else was born in the cluster's cgroup: shims and pods."""
        layout = self._layout
        self._table.stop([name for name in self._table.read() if name != "mounts"], patience=2)
        deadline = time.monotonic() + 30
        while True:
            for pid in cgroups.members(layout.cgroup):
                processes.send(pid, signal.SIGKILL)
            if cgroups.remove(layout.cgroup):
                break
            if time.monotonic() > deadline:
                left = cgroups.members(layout.cgroup)
                raise ClusterError(f"the cgroup {layout.cgroup} does not empty; processes in it: {sorted(left)}")
            time.sleep(0.02)
        self._table.stop(list(self._table.read()))  # reaps and forgets the rest
        for name in ("kubeconfig", "mounted", "containerd.sock", "containerd.sock.ttrpc", "processes.json"):
            (layout.state / name).unlink(missing_ok=True)
        machine.restore(layout.machine_record)
        if left_over := machine.left_mounts(layout.state):
            raise ClusterError(f"still mounted, so nothing is deleted: {', '.join(left_over)}")
        for name in _FRESH:
            if name not in _KEPT_TO_READ:
                shutil.rmtree(layout.state / name, ignore_errors=True)


def check_length(socket: Path) -> None:
    """Raise ClusterError when the kernel would not take a path this long for a socket (and its `.ttrpc` sibling)."""
    if len(str(socket)) > 100:
        raise ClusterError(f"{socket} is too long for a socket; name a shorter folder in PENSTOCK_CLUSTER_DIR")


def write_private(file: Path, content: str) -> None:
    """Write a file that only its owner can read."""
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(content)
