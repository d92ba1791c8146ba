"""The configuration files of the components, as text. Pure: paths and addresses come in, documents go out.

Kubernetes reads YAML; these are written as JSON, which is YAML, because the standard library has no YAML.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NODE = "penstock-node"
FIREWALL = "penstock-cluster"
BRIDGE = "penstock0"
POD_NETWORK = "10.244.0.0/16"
SERVICE_NETWORK = "10.96.0.0/16"
PAUSE_IMAGE = "localhost/pause:1"

_MUTATING = ("create", "update", "patch", "delete", "deletecollection")


def audit_policy() -> str:
    """Every mutating request, subresources included, once and without its body; no Events, no Leases, no reads."""
    quiet = [
        {"group": "", "resources": ["events"]},
        {"group": "events.k8s.io", "resources": ["events"]},
        {"group": "coordination.k8s.io", "resources": ["leases"]},
    ]
    return _json(
        {
            "apiVersion": "audit.k8s.io/v1",
            "kind": "Policy",
            "omitStages": ["RequestReceived", "ResponseStarted", "Panic"],
            "omitManagedFields": True,
            "rules": [
                {"level": "None", "resources": quiet},
                {"level": "Metadata", "verbs": list(_MUTATING)},
                {"level": "None"},
            ],
        }
    )


def containerd(*, root: Path, state: Path, socket: Path, runc: Path, cni_plugins: Path, cni_config: Path) -> str:
    """containerd's configuration."""
    runtime = "plugins.'io.containerd.cri.v1.runtime'"
    return f"""\
version = 3
root = {_toml(root)}
state = {_toml(state)}
disabled_plugins = ["io.containerd.nri.v1.nri"]

[grpc]
address = {_toml(socket)}

[plugins.'io.containerd.cri.v1.images']
snapshotter = "overlayfs"

[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = {_toml(PAUSE_IMAGE)}

[{runtime}]
# Without CAP_SYS_RESOURCE a sandbox may not lower its OOM score: every pod would fail with
# "can't get final child's PID from pipe: EOF".
restrict_oom_score_adj = true
netns_mounts_under_state_dir = true

[{runtime}.cni]
bin_dirs = [{_toml(cni_plugins)}]
conf_dir = {_toml(cni_config)}

[{runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[{runtime}.containerd.runtimes.runc.options]
BinaryName = {_toml(runc)}
"""


def cni(*, addresses: Path, mtu: int) -> str:
    """The pods' network: one bridge, addresses from a folder.

    The way out is masqueraded by a rule of ours (machine.py) rather than by the plugin's `ipMasq`, which runs
    iptables several times for each pod and leaves chains behind.
    """
    plugin = {
        "type": "bridge",
        "bridge": BRIDGE,
        "isGateway": True,
        "hairpinMode": True,
        "mtu": mtu,
        "ipam": {
            "type": "host-local",
            "ranges": [[{"subnet": POD_NETWORK}]],
            "routes": [{"dst": "0.0.0.0/0"}],
            "dataDir": str(addresses),
        },
    }
    return _json({"cniVersion": "1.0.0", "name": "penstock", "plugins": [plugin]})


def firewall() -> str:
    """The nft table of our own: what leaves the pod network carries the node's address."""
    return f"""\
table ip {FIREWALL} {{
  chain postrouting {{
    type nat hook postrouting priority 100;
    ip saddr {POD_NETWORK} ip daddr != {{ {POD_NETWORK}, 224.0.0.0/4 }} masquerade
  }}
}}
"""


def kubelet(*, pki: Path, socket: Path, resolv_conf: Path, folder: Path, cgroup: str) -> str:
    """The kubelet's configuration; `folder` is its root, `cgroup` what its pods are put below."""
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / "kubelet-server.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet-server.key"),
            "containerRuntimeEndpoint": f"unix://{socket}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{cgroup}",
            "failCgroupV1": False,
            "failSwapOn": False,
            "resolvConf": str(resolv_conf),
            "podLogsDir": str(folder / "pod-logs"),
            "volumePluginDir": str(folder / "volume-plugins"),
            "maxPods": 250,
            # As clusters that run others' programs should: without it a fork bomb is every pod's trouble.
            "podPidsLimit": 1024,
            # Images are loaded by hand and could not be pulled again, so none is ever collected.
            "imageGCHighThresholdPercent": 100,
            "imagePullCredentialsVerificationPolicy": "NeverVerify",
            "evictionHard": {
                "memory.available": "50Mi",
                "nodefs.available": "1%",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1%",
            },
            "serializeImagePulls": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "kubeAPIQPS": 100,
            "kubeAPIBurst": 200,
            "eventRecordQPS": 0,
        }
    )


def kube_proxy(*, kubeconfig: Path, masquerade_all: bool) -> str:
    """kube-proxy's configuration; `masquerade_all` where bridged packets do not pass the packet filter."""
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "clientConnection": {"kubeconfig": str(kubeconfig)},
            "hostnameOverride": NODE,
            "bindAddress": "0.0.0.0",
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "clusterCIDR": POD_NETWORK,
            # Zero leaves the machine's own limits as they are.
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
            "nftables": {"masqueradeAll": masquerade_all, "minSyncPeriod": "100ms", "syncPeriod": "30s"},
            "oomScoreAdj": 0,
        }
    )


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


def _toml(value: Path | str) -> str:
    # A JSON string is a TOML basic string.
    return json.dumps(str(value))
