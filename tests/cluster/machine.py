"""What the cluster changes on the machine while it runs, and how it is put back.

Kernel settings, empty folders to mount on, one bridge, nft tables. What was there before is written down first, so
that a start after a crash can restore it too.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

from tests.cluster import documents
from tests.cluster.commands import PORTS, PRIVATE_FOLDERS
from tests.cluster.programs import ClusterError, run, succeeds

# ip_forward is ours; the rest the kubelet sets by itself (`protectKernelDefaults: false`).
KERNEL_SETTINGS = (
    "net/ipv4/ip_forward",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
BRIDGED_PACKETS = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NFT_TABLES = (("ip", documents.FIREWALL), ("ip", "kube-proxy"), ("ip6", "kube-proxy"))


def prepare(record: Path) -> None:
    """Write down what is about to change, then let packets through to and from the pods."""
    settings = {name: _setting(name).read_text().strip() for name in KERNEL_SETTINGS if _setting(name).exists()}
    missing = [folder for path in PRIVATE_FOLDERS for folder in reversed([path, *path.parents]) if not folder.exists()]
    before = {
        "boot": _BOOT.read_text().strip(),
        "settings": settings,
        "folders": [str(folder) for folder in dict.fromkeys(missing)],
    }
    record.write_text(json.dumps(before, indent=2))
    for folder in before["folders"]:
        Path(folder).mkdir()
    _setting("net/ipv4/ip_forward").write_text("1")
    if not BRIDGED_PACKETS.exists():
        succeeds(["modprobe", "br_netfilter"])
    _delete_tables()
    run(["nft", "-f", "-"], stdin=documents.firewall())


def restore(record: Path) -> None:
    """Put back what `prepare` found. Does nothing when nothing was recorded."""
    if not record.exists():
        return
    before = json.loads(record.read_text())
    if before["boot"] == _BOOT.read_text().strip():
        for name, value in before["settings"].items():
            if _setting(name).read_text().strip() != value:
                _setting(name).write_text(value)
    for folder in reversed(before["folders"]):
        try:
            Path(folder).rmdir()
        except OSError:
            continue  # gone, or somebody else's by now
    _delete_tables()
    if Path("/sys/class/net", documents.BRIDGE).exists():
        run(["ip", "link", "delete", documents.BRIDGE])
    record.unlink()


def masquerade_all() -> bool:
    """Whether Service traffic between pods must be masqueraded, because bridged packets skip the packet filter."""
    return not BRIDGED_PACKETS.exists() or BRIDGED_PACKETS.read_text().strip() != "1"


def address_and_mtu() -> tuple[str, int]:
    """The machine's address on its way out, and that interface's MTU.

    Raises ClusterError when the machine has no route out: the API server refuses to advertise a loopback address.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))  # a datagram socket sends nothing on connect
        except OSError as error:
            raise ClusterError("the cluster needs a network interface with a default route") from error
        address = str(probe.getsockname()[0])
    links = json.loads(run(["ip", "-json", "-4", "address", "show"]))
    for link in links:
        if any(entry.get("local") == address for entry in link["addr_info"]):
            return address, int(link["mtu"])
    raise ClusterError(f"no interface carries the address {address}")


def resolv_conf() -> Path:
    """The file that names the machine's resolvers by addresses that a pod can reach too."""
    usual, behind_stub = Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf")
    return behind_stub if behind_stub.exists() and "nameserver 127." in usual.read_text() else usual


def check_ports() -> None:
    """Raise ClusterError naming every port of the cluster that somebody else listens on."""
    taken = []
    for port in PORTS:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                taken.append(str(port))
    if taken:
        raise ClusterError(f"these TCP ports must be free, but another program listens on them: {', '.join(taken)}")


def left_mounts(folder: Path) -> list[str]:
    """Mount points at or below `folder` that this process can see, deepest first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((point for point in points if Path(point).is_relative_to(folder)), key=len, reverse=True)


def _setting(name: str) -> Path:
    return Path("/proc/sys") / name


def _delete_tables() -> None:
    for family, name in _NFT_TABLES:
        if succeeds(["nft", "list", "table", family, name]):
            run(["nft", "delete", "table", family, name])
