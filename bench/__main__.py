"""`python -m bench`: measures on the real cluster, writes build/bench.json, prints the table with the targets."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import deciding, figures, remembering, shapes, usage
from bench.audit import writes_by_run
from bench.measuring import bench
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.credentials import Credentials
from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import OPERATOR, ROOT, Cluster, NoClusterError, Release, find_cluster
from tests.support.installation import Installation, build_images

Samples = dict[str, list[float]]
Counts = dict[str, list[int]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 0 whatever the figures are, and 1 where nothing could be measured."""
    options = _parser().parse_args(arguments)
    try:
        cluster = find_cluster()
    except NoClusterError as reason:
        print(f"bench: no cluster: {reason}", file=sys.stderr)
        return 1
    _tell("building images and installing the charts ...", end="\n")
    # Nothing is mounted that a measured step does not need.
    Installation(cluster, Release(cluster), build_images()).install(caBundle__configMapName="")
    with _namespace(cluster) as namespace:
        samples: Samples = {shape: [] for shape in shapes.SHAPES}
        used = asyncio.run(_crowded(cluster, namespace, samples, options))
        counts = asyncio.run(_measured(cluster, namespace, samples, options))
    if options.stored and not options.only:
        _tell("storing runs to measure memory with ...", end="\n")
        with _namespace(cluster) as namespace:
            used |= asyncio.run(_remembered(cluster, namespace, options))
    found = {**figures.summarize(samples, counts), **used, "decide200_p50_ms": deciding.milliseconds()}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=2) + "\n")
    print(figures.table(found, shapes.SHAPES))
    print(f"\nwritten to {options.output}")
    return 0


async def _crowded(cluster: Cluster, namespace: str, samples: Samples, options: argparse.Namespace) -> dict[str, float]:
    """Measure the shapes of many at once; what the operator used of the processor and of memory for many runs."""
    rounds = [(shapes.CROWDED, number) for number in range(options.crowds)]
    rounds += [(shapes.MANY, number) for number in range(options.many)]
    wanted = [(_among(group, options), number) for group, number in rounds]
    wanted = [(among, number) for among, number in wanted if among]
    if not wanted:
        return {}
    async with (
        KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client,
        bench(client, namespace) as place,
    ):
        await place.prepare()
        spent, steps = 0.0, 0
        for turn, (among, number) in enumerate(wanted):
            for shape in shapes.rotated(among, number):
                before = usage.operator(cluster)
                samples[shape].append(await place.measure(shape, str(number)))
                if shape in shapes.CROWD:
                    spent += usage.operator(cluster).cpu_ms - before.cpu_ms
                    steps += shapes.CROWD[shape]
                _tell(figures.progress(turn, len(wanted), samples))
            await place.clear()
        _tell("", end="\n")
        found = {"operator_cpu_ms_per_step": spent / steps} if steps else {}
        found["operator_rss_mib"] = usage.operator(cluster).rss_mib
        return {name: round(value, 1) for name, value in found.items()}


def _among(group: Sequence[str], options: argparse.Namespace) -> tuple[str, ...]:
    """The shapes of a group that are to be measured."""
    return tuple(shape for shape in group if not options.only or shape in options.only)


async def _remembered(cluster: Cluster, namespace: str, options: argparse.Namespace) -> dict[str, float]:
    """Measure the operator's memory with stored runs, the last of all: it is stopped and started."""
    async with KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client:
        return await remembering.measure(cluster, client, namespace, options.stored, options.running)


async def _measured(cluster: Cluster, namespace: str, samples: Samples, options: argparse.Namespace) -> Counts:
    """Measure the shapes that are measured alone; our writes for each of their runs."""
    log, count = from_environment().audit_log, options.count
    among = tuple(dict.fromkeys(("bare_pod", *_among(shapes.ALONE, options))))
    async with (
        KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client,
        bench(client, namespace) as place,
    ):
        await client.warm(2)
        await place.prepare()
        since = audit.end(log)
        for number in range(count):
            # Interleaved, and each time another one first: what else the machine does meets all of them.
            for shape in shapes.rotated(among, number):
                samples[shape].append(await place.measure(shape, str(number)))
                _tell(figures.progress(number, count, samples))
            await place.clear()
        _tell("", end="\n")
        mine = [write for write in audit.writes(log, since) if write.namespace == namespace]
    runs = {shape: names[-count:] for shape, names in place.names.items() if shape in among}
    counted = writes_by_run(mine, OPERATOR, {run for names in runs.values() for run in names})
    return {shape: [counted[run] for run in names] for shape, names in runs.items()}


@contextmanager
def _namespace(cluster: Cluster) -> Iterator[str]:
    name = f"bench-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", name)
    try:
        yield name
    finally:
        cluster.kubectl("delete", "namespace", name, "--wait=false", check=False)


def _tell(text: str, *, end: str = "") -> None:
    """A line that the next one replaces on a terminal."""
    if sys.stderr.isatty() or end:
        print(f"\r\x1b[K{text}" if sys.stderr.isatty() else text, end=end, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure on the real cluster.")
    parser.add_argument("--count", type=int, default=40, help="measurements of each shape (default 40)")
    parser.add_argument("--only", action="append", choices=shapes.SHAPES, help="measure this shape, and the bare pod")
    parser.add_argument("--crowds", type=int, default=3, help="measurements of each shape of many at once (default 3)")
    parser.add_argument("--many", type=int, default=1, help="measurements of each shape of 200 (default 1)")
    parser.add_argument("--stored", type=int, default=2_000, help="finished runs to measure memory with (default 2000)")
    parser.add_argument("--running", type=int, default=200, help="running runs beside them (default 200)")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json", help="where the figures go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
