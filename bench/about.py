"""Where and of what the figures are: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.simulated_node import LABEL
from penstock import __version__
from tests.support.cluster import ROOT, Cluster


def about(cluster: Cluster, command: str, started: datetime) -> dict[str, Any]:
    """What a reader needs to judge the figures."""
    node = cluster.read("node", "-l", f"!{LABEL}")["items"][0]["status"]
    return {
        "commit": _git("rev-parse", "HEAD") + ("-dirty" if _git("status", "--porcelain", "-uno") else ""),
        "command": command,
        "started": started.isoformat(timespec="seconds"),
        "minutes": round((datetime.now(UTC) - started).total_seconds() / 60, 1),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "penstock": __version__,
        "kubernetes": node["nodeInfo"]["kubeletVersion"],
        "containerd": node["nodeInfo"]["containerRuntimeVersion"],
        "load_at_end": round(os.getloadavg()[0], 1),
    }


def _git(*words: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
