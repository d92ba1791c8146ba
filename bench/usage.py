"""What the operator's process uses, as the kernel counts it, read in its own pod."""

from __future__ import annotations

from dataclasses import dataclass

from tests.support.cluster import SYSTEM_NAMESPACE, Cluster

_OPERATOR = "deployment/penstock-operator"
_TICKS_PER_SECOND = 100
"""Of the times in /proc on every Linux that Kubernetes runs on."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Since the process began."""

    cpu_ms: float
    rss_mib: float


def operator(cluster: Cluster) -> Usage:
    """The operator's usage now."""
    words = ("exec", "-n", SYSTEM_NAMESPACE, _OPERATOR, "--", "cat", "/proc/1/stat", "/proc/1/status")
    return parse(cluster.kubectl(*words).stdout)


def parse(text: str) -> Usage:
    """The usage in /proc/1/stat followed by /proc/1/status."""
    stat, _, status = text.partition("\n")
    # The second field is the program's name in brackets, which may hold blanks.
    fields = stat.rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    (rss,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return Usage(ticks * 1000 / _TICKS_PER_SECOND, int(rss) / 1024)
