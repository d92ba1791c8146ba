"""`python -m bench`: measures on the real cluster, writes build/bench.json, prints the table with the targets."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bench import argo, counting, deciding, figures, growth, queued, remembering, shapes, usage
from bench.about import about
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
    started = datetime.now(UTC)
    _tell(f"about {_minutes(options):.0f} minutes on two cores, after images and charts", end="\n")
    try:
        cluster = find_cluster()
    except NoClusterError as reason:
        print(f"bench: no cluster: {reason}", file=sys.stderr)
        return 1
    if options.argo and (missing := argo.missing(cluster, options.argo)):
        print(f"bench: {missing}", file=sys.stderr)
        return 1
    _tell("building images and installing the charts ...", end="\n")
    # Nothing is mounted that a measured step does not need.
    Installation(cluster, Release(cluster), build_images()).install(caBundle__configMapName="")
    with _namespace(cluster) as namespace:
        samples: Samples = {shape: [] for shape in (*shapes.SHAPES, *_beside(options))}
        used = asyncio.run(_crowded(cluster, namespace, samples, options))
        counts, versions = asyncio.run(_measured(cluster, namespace, samples, options))
    found = {**figures.summarize(samples, counts), **used, "decide200_p50_ms": deciding.milliseconds()}
    taken = {shape: [round(each * 1000, 1) for each in seconds] for shape, seconds in samples.items()}
    command = " ".join(["python -m bench", *(arguments or sys.argv[1:])])

    def write() -> None:
        where = {**about(cluster, command, started), **versions}
        written = {**found, "about": where, "samples_ms": taken}
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(written, indent=2) + "\n")

    write()
    if not options.only:
        found |= counting.cost()
        for part in _parts(options):
            found |= _apart(cluster, part)
            write()
    print(figures.table(found, (*shapes.SHAPES, *_beside(options))))
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
                await asyncio.sleep(shapes.COLLECTED)
        _tell("", end="\n")
        found = {"operator_cpu_ms_per_step": spent / steps} if steps else {}
        found["operator_rss_mib"] = usage.operator(cluster).rss_mib
        return {name: round(value, 1) for name, value in found.items()}


def _among(group: Sequence[str], options: argparse.Namespace) -> tuple[str, ...]:
    """The shapes of a group that are to be measured."""
    return tuple(shape for shape in group if not options.only or shape in options.only)


def _beside(options: argparse.Namespace) -> tuple[str, ...]:
    """The shapes of Argo Workflows that are to be measured: those beside a shape of ours that is."""
    among = _among(shapes.ALONE, options) if options.argo else ()
    return tuple(shape for shape, ours in argo.SHAPES.items() if ours in among)


Part = Callable[[Cluster, KubeClient, str], Awaitable[dict[str, float]]]


def _parts(options: argparse.Namespace) -> Iterator[Part]:
    """What is measured apart from the shapes, the heaviest last: the operator is stopped and started for each."""
    if options.stored:
        _tell("storing runs to measure memory with ...", end="\n")
        yield lambda *where: remembering.measure(*where, options.stored, options.running)
    if options.queued:
        _tell(f"{options.queued} queued runs on a simulated node ...", end="\n")
        yield lambda *where: queued.measure(*where, options.queued)
    if options.growth:
        _tell(f"one step beside {options.growth} stored runs ...", end="\n")
        levels = [int(level) for level in options.growth.split(",")]
        yield lambda *where: growth.measure(*where, levels, options.growth_count)


def _apart(cluster: Cluster, part: Part) -> dict[str, float]:
    """The part's figures; none where it fails, for what was measured before must not be lost with it."""

    async def measured(namespace: str) -> dict[str, float]:
        async with KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client:
            return await part(cluster, client, namespace)

    try:
        with _namespace(cluster) as namespace:
            return asyncio.run(measured(namespace))
    except Exception:  # noqa: BLE001 - told, and left out
        traceback.print_exc()
        return {}
    finally:
        remembering.scale(cluster, 1)


def _minutes(options: argparse.Namespace) -> float:
    """A rough estimate."""
    times = ((shapes.ALONE, options.count), (shapes.CROWDED, options.crowds), (shapes.MANY, options.many))
    seconds = sum(shapes.ROUGHLY[shape] * times for group, times in times for shape in _among(group, options))
    seconds += sum(shapes.COLLECTED * times for group, times in times[1:] for _ in _among(group, options))
    seconds += sum(argo.ROUGHLY[shape] * options.count for shape in _beside(options))
    if not options.only:
        levels = [int(level) for level in options.growth.split(",")] if options.growth else []
        # Storing one takes some 30 ms, removing it half of that; a queued one takes some 70 ms.
        seconds += 0.045 * (options.stored + options.running + max(levels, default=0)) + 0.07 * options.queued
        seconds += len(levels) * (60 + 5 * options.growth_count) + 120
    return seconds / 60


async def _measured(
    cluster: Cluster, namespace: str, samples: Samples, options: argparse.Namespace
) -> tuple[Counts, dict[str, str]]:
    """Measure the shapes that are measured alone; our writes for each of their runs, and versions beside ours."""
    log, count = from_environment().audit_log, options.count
    among = tuple(dict.fromkeys(("bare_pod", *_among(shapes.ALONE, options), *_beside(options))))
    async with (
        KubeClient.connect(Credentials.from_kubeconfig(cluster.kubeconfig)) as client,
        bench(client, namespace, options.argo if _beside(options) else "") as place,
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
        versions = place.versions()
        mine = [write for write in audit.writes(log, since) if write.namespace == namespace]
    runs = {shape: names[-count:] for shape, names in place.names.items() if shape in among}
    counted = writes_by_run(mine, OPERATOR, {run for names in runs.values() for run in names})
    by_anybody = [write for write in mine if write.verb not in ("delete", "deletecollection")]
    everybody = writes_by_run(by_anybody, None, {run for names in runs.values() for run in names})
    ours = {shape: [counted[run] for run in names] for shape, names in runs.items()}
    ours |= {f"{shape}_all": [everybody[run] for run in names] for shape, names in runs.items()}
    return ours, versions


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
    parser.add_argument("--many", type=int, default=1, help="measurements of each shape of 200 and more (default 1)")
    parser.add_argument("--stored", type=int, default=2_000, help="finished runs to measure memory with (default 2000)")
    parser.add_argument("--running", type=int, default=200, help="running runs beside them (default 200)")
    parser.add_argument("--queued", type=int, default=5_000, help="queued runs on a simulated node (default 5000)")
    parser.add_argument("--growth", default="10,100,1000,5000", help="stored runs to measure one step beside")
    parser.add_argument("--growth-count", type=int, default=20, help="measurements beside each (default 20)")
    parser.add_argument(
        "--argo",
        metavar="NAMESPACE",
        default="",
        help="measure one_step, chain3 and fanout10 as Workflows of Argo too, in this namespace, which its controller "
        "watches; its pods need the rights there that Argo's executor needs",
    )
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json", help="where the figures go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
