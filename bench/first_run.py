"""`python -m bench.first_run`: the words of README.md, "On a cluster", typed one after the other, and timed.

From the first `helm install` to the first finished run. What an earlier installation left is removed first, and what
this one made last; images are built first, as the page says. Writes build/first-run.json.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.layout import from_environment
from tests.support.cluster import RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster, NoClusterError, find_cluster
from tests.support.installation import VALUES

RESULT = ROOT / "build" / "first-run.json"
TARGET = 120.0
"""Seconds."""
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """What the page says to type on a cluster, as far as the first finished run."""
    section = page.partition("\n## On a cluster\n")[2].partition("\n## ")[0]
    block = _CONSOLE.findall(section)[0]
    return [command.strip() for command in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]


def main() -> int:
    """Type and time; 1 where a command fails or there is no cluster."""
    try:
        cluster = find_cluster()
    except NoClusterError as reason:
        print(f"first-run: no cluster: {reason}", file=sys.stderr)
        return 1
    subprocess.run(
        [sys.executable, "-m", "tests.support.installation"], check=True, cwd=ROOT, stdout=subprocess.DEVNULL
    )
    assert VALUES.exists()
    _remove(cluster)
    try:
        taken = _type(cluster, commands((ROOT / "README.md").read_text()))
    except subprocess.CalledProcessError as error:
        print(f"first-run: this failed: {error.cmd[-1]}", file=sys.stderr)
        return 1
    finally:
        # It stands where the page has it, which is not where tests have theirs.
        _remove(cluster)
    seconds = round(sum(taken.values()), 1)
    _tell(taken, seconds)
    rows = [{"command": command, "seconds": spent} for command, spent in taken.items()]
    _write(RESULT, {"seconds": seconds, "target": TARGET, "commands": rows})
    return 0


def _type(cluster: Cluster, words: list[str]) -> dict[str, float]:
    """The first line of each command, and the seconds that it took. Raises CalledProcessError at the first to fail."""
    path = f"{from_environment().bin}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "KUBECONFIG": str(cluster.kubeconfig)}
    taken = {}
    for command in words:
        since = time.perf_counter()
        subprocess.run(["bash", "-c", command], cwd=ROOT, env=environment, check=True)
        taken[command.splitlines()[0]] = round(time.perf_counter() - since, 1)
    return taken


def _remove(cluster: Cluster) -> None:
    cluster.kubectl("delete", "workflowrun,workflow", "--all", "-n", "default", "--wait", check=False)
    for chart in (RELEASE, f"{RELEASE}-crds"):
        for place in (SYSTEM_NAMESPACE, "default"):
            cluster.helm("uninstall", chart, "-n", place, "--wait", check=False)
    for kind in ("workflowruns", "workflows", "approvalrequests", "connections"):
        cluster.kubectl("delete", "crd", f"{kind}.penstock.dev", "--ignore-not-found", "--wait", timeout=120)


def _tell(taken: dict[str, float], seconds: float) -> None:
    for command, spent in taken.items():
        print(f"{spent:>8} s  {command}")
    mark = "reached" if seconds <= TARGET else "MISSED"
    print(f"{seconds:>8} s  from helm install to the first finished run: {mark}, target {TARGET:g}")


def _write(file: Path, found: dict[str, object]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
