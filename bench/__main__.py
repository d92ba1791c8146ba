"""`python -m bench`: measures on the real cluster, writes build/bench.json and prints the table with the targets."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bench.figures import summarize, table
from bench.measure import Bench
from bench.shapes import SHAPES, WORKFLOWS
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.credentials import Credentials
from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, Cluster, Release, find_cluster
from tests.support.installation import Installation, build_images, put_authorities

QUIET_SECONDS = 5
"""After the last run: Jobs are closed when their pods have ended, up to a second later."""


def main() -> int:
    """Install, measure, report. Returns 0 whether or not the targets were reached: figures are for people to judge."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--count", type=int, default=40, help="samples of each shape (default: 40)")
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"), help="where the figures go")
    arguments = parser.parse_args()
    say("installing Penstock from this tree")
    cluster = find_cluster()
    Installation(cluster, Release(cluster), build_images()).install()
    namespace = f"bench-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    try:
        put_authorities(cluster, namespace)
        figures = asyncio.run(measure(cluster, namespace, arguments.count))
    finally:
        cluster.kubectl("delete", "namespace", namespace, "--wait=false", check=False)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(table(figures, SHAPES))
    print(f"\nwritten to {arguments.output}")
    return 0


async def measure(cluster: Cluster, namespace: str, count: int) -> dict[str, float]:
    """All figures of one session on one cluster."""
    log = from_environment().audit_log
    start = audit.end(log)
    async with KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client:
        bench = Bench(client, namespace, say)
        await bench.take(count)
    await asyncio.sleep(QUIET_SECONDS)
    writes = {shape: writes_by_run(log, start, namespace, bench.names[shape]) for shape in WORKFLOWS}
    return summarize(bench.seconds, writes)


def writes_by_run(log: Path, start: int, namespace: str, runs: Sequence[str]) -> list[int]:
    """The operator's mutating requests for each run: of the run itself and of all that is named after it.

    Events and Lease renewals are not in the log and do not count.
    """
    counts: Counter[str] = Counter(dict.fromkeys(runs, 0))
    for write in audit.writes(log, start):
        if write.namespace == namespace and write.user == OPERATOR:
            owner = next((run for run in runs if write.name == run or write.name.startswith(f"{run}-")), None)
            if owner is not None:
                counts[owner] += 1
    return list(counts.values())


def say(text: str) -> None:
    """One line of progress, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
