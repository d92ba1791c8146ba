"""The command line of each component. Pure: from paths and an address to lists of words."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.documents import NODE, POD_NETWORK, SERVICE_NETWORK
from tests.cluster.layout import Layout

# Not etcd's usual ports: a machine may have an etcd of its own.
ETCD = "http://127.0.0.1:12379"
ETCD_PEER = "http://127.0.0.1:12380"
API_PORT = 6443
PORTS = (12379, 12380, API_PORT, 10248, 10249, 10250, 10256, 10257, 10259)
"""Every TCP port that has to be free before a start."""

# The kubelet and the runtime write to paths that no option changes. In a mount namespace of their own these are
# folders of the state folder, and every mount they make is gone when the last process is.
PRIVATE_FOLDERS = (
    Path("/run/containerd"),
    Path("/var/lib/cni"),
    Path("/var/lib/kubelet"),
    Path("/var/log/containers"),
    Path("/var/log/pods"),
)


COMPONENTS = (
    "mounts",
    "etcd",
    "kube-apiserver",
    "containerd",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
)


@dataclass(frozen=True, slots=True)
class Command:
    """A process of the cluster."""

    name: str
    words: tuple[str, ...]
    in_mounts: bool = False
    """Whether it runs inside the mount namespace that `mounts` holds."""


def mounts(layout: Layout) -> Command:
    """The process that holds the mount namespace open."""
    binds = [
        f"mkdir -p '{layout.state}/private{path}' && mount --bind '{layout.state}/private{path}' '{path}'"
        for path in PRIVATE_FOLDERS
    ]
    # Shared among the cluster's own processes: the runtime's mounts must reach the kubelet and back.
    script = " && ".join(["mount --make-rshared /", *binds, f"touch '{layout.state}/mounted'", "exec sleep infinity"])
    return Command("mounts", ("unshare", "--mount", "--propagation", "private", "sh", "-c", script))


def etcd(layout: Layout) -> Command:
    """The store. Durability across a power cut is of no use here, so it never waits for the disk."""
    options = {
        "name": NODE,
        "data-dir": layout.state / "etcd",
        "listen-client-urls": ETCD,
        "advertise-client-urls": ETCD,
        "listen-peer-urls": ETCD_PEER,
        "initial-advertise-peer-urls": ETCD_PEER,
        "initial-cluster": f"{NODE}={ETCD_PEER}",
        "quota-backend-bytes": 4 * 1024**3,
        "log-level": "warn",
    }
    return Command("etcd", (str(layout.bin / "etcd"), "--unsafe-no-fsync", *_options(options)))


def kube_apiserver(layout: Layout, address: str) -> Command:
    """The API server; it listens everywhere, so that pods reach it through the `kubernetes` Service."""
    pki = layout.pki
    options = {
        "etcd-servers": ETCD,
        "bind-address": "0.0.0.0",
        "secure-port": API_PORT,
        "advertise-address": address,
        "service-cluster-ip-range": SERVICE_NETWORK,
        "tls-cert-file": pki / "apiserver.crt",
        "tls-private-key-file": pki / "apiserver.key",
        "client-ca-file": pki / "ca.crt",
        "anonymous-auth": "false",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-account-key-file": pki / "service-accounts.pub",
        "service-account-signing-key-file": pki / "service-accounts.key",
        "kubelet-client-certificate": pki / "apiserver-kubelet.crt",
        "kubelet-client-key": pki / "apiserver-kubelet.key",
        "kubelet-certificate-authority": pki / "ca.crt",
        "kubelet-preferred-address-types": "InternalIP,Hostname",
        "allow-privileged": "true",
        "audit-policy-file": layout.audit_policy,
        "audit-log-path": layout.audit_log,
        "audit-log-mode": "blocking",
        # Readers keep their place in the file: it must not be rotated under them.
        "audit-log-maxsize": 4096,
    }
    return Command("kube-apiserver", (str(layout.bin / "kube-apiserver"), *_options(options)))


def kube_controller_manager(layout: Layout) -> Command:
    """The built-in controllers, each with an identity of its own, by which admission policies tell them apart."""
    options = {
        "kubeconfig": _kubeconfig(layout, "kube-controller-manager"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": layout.pki / "service-accounts.key",
        "root-ca-file": layout.pki / "ca.crt",
        # Certificates for people, by CertificateSigningRequests.
        "cluster-signing-cert-file": layout.pki / "ca.crt",
        "cluster-signing-key-file": layout.pki / "ca.key",
        "cluster-cidr": POD_NETWORK,
        "allocate-node-cidrs": "true",
        "node-cidr-mask-size": 16,
        "service-cluster-ip-range": SERVICE_NETWORK,
        # With the default of 20 a second its start alone takes five seconds: a token for each controller.
        "kube-api-qps": 100,
        "kube-api-burst": 200,
    }
    return Command("kube-controller-manager", (str(layout.bin / "kube-controller-manager"), *_options(options)))


def kube_scheduler(layout: Layout) -> Command:
    """The scheduler."""
    options = {
        "kubeconfig": _kubeconfig(layout, "kube-scheduler"),
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
    }
    return Command("kube-scheduler", (str(layout.bin / "kube-scheduler"), *_options(options)))


def containerd(layout: Layout) -> Command:
    """The container runtime."""
    config = str(layout.config / "containerd.toml")
    return Command("containerd", (str(layout.bin / "containerd"), "--config", config), in_mounts=True)


def kubelet(layout: Layout, address: str) -> Command:
    """The node's agent."""
    options = {
        "config": layout.config / "kubelet.json",
        "kubeconfig": _kubeconfig(layout, "kubelet"),
        "root-dir": layout.state / "kubelet",
        "cert-dir": layout.state / "kubelet" / "pki",
        "hostname-override": NODE,
        "node-ip": address,
    }
    return Command("kubelet", (str(layout.bin / "kubelet"), *_options(options)), in_mounts=True)


def kube_proxy(layout: Layout) -> Command:
    """What makes ClusterIPs work."""
    return Command("kube-proxy", (str(layout.bin / "kube-proxy"), f"--config={layout.config / 'kube-proxy.json'}"))


def every(layout: Layout, address: str) -> dict[str, Command]:
    """All components by name, in the order in which they are started."""
    commands = (
        mounts(layout),
        etcd(layout),
        kube_apiserver(layout, address),
        containerd(layout),
        kube_controller_manager(layout),
        kube_scheduler(layout),
        kubelet(layout, address),
        kube_proxy(layout),
    )
    return {command.name: command for command in commands}


def _kubeconfig(layout: Layout, name: str) -> Path:
    return layout.config / f"{name}.kubeconfig"


def _options(options: dict[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in options.items()]
