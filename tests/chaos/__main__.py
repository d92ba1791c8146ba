"""`python -m tests.chaos`: play random faults over random Workflows, and check what happened.

Real reconcile loops and real clients of Kubernetes, over HTTP, at a server that is in memory and goes by a clock that
jumps. Prints how many schedules were played, what was injected, and every violation with the command that plays it
again; 1 if there were any.

Examples:
  python -m tests.chaos --seed 1 --runs 1000
  python -m tests.chaos --seed 77 --runs 1 --faults 12:killed-after,30:410     these faults in place of the seed's own
  python -m tests.chaos --seed 77 --runs 1 --story                             print what happened

"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial

from tests.chaos import faults as schedules
from tests.chaos.faults import Fault
from tests.chaos.history import History
from tests.chaos.play import play
from tests.chaos.shrinking import shrink

_SHOWN = 20
"""Violations that are shrunk and printed in full."""


@dataclass(frozen=True, slots=True)
class Played:
    """What is left of a play."""

    seed: int
    faults: tuple[Fault, ...]
    injected: Counter[str]
    violations: list[tuple[str, str]]
    requests: int
    changes: int
    story: str = ""


def main() -> int:
    """Play, print; 1 where anything was violated."""
    options = _parser().parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is part of what is played again.
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.chaos", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    faults = None if options.faults is None else schedules.read(options.faults)
    began, seeds = time.monotonic(), range(options.seed, options.seed + options.runs)
    played, bad = [], 0
    for each in _play_all(partial(_once, faults=faults, story=options.story), seeds, options.jobs):
        played.append(each)
        print(each.story, end="")
        if each.violations:
            bad += 1
            _report(each, smallest=bad <= _SHOWN and not options.until)
        if options.until in {rule for rule, _ in each.violations}:
            break
    sum_up(played, bad, time.monotonic() - began)
    return 1 if bad else 0


def _play_all(once: partial[Played], seeds: range, jobs: int) -> Iterator[Played]:
    if jobs == 1 or len(seeds) == 1:
        yield from map(once, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(once, seeds, chunksize=4)


def _once(seed: int, *, faults: tuple[Fault, ...] | None, story: bool) -> Played:
    # What is refused is logged by what is under test, and is meant.
    logging.disable(logging.CRITICAL)
    found = play(seed, faults)
    injected = Counter({str(kind): count for kind, count in found.injected.items()})
    told = tell(found.history) if story else ""
    return Played(seed, found.faults, injected, found.violations, found.requests, len(found.history.changes), told)


def _report(found: Played, *, smallest: bool) -> None:
    rules = {rule for rule, _ in found.violations}
    least = found.faults
    if smallest:
        logging.disable(logging.CRITICAL)
        least = shrink(found.faults, lambda part: bool(rules & {rule for rule, _ in play(found.seed, part).violations}))
    print(f"seed {found.seed}: {len(found.violations)} violations")
    for rule, breach in found.violations:
        print(f"  {rule}: {breach}")
    print(f"  again: make chaos SEED={found.seed} RUNS=1")
    print(
        f"  least: python -m tests.chaos --seed {found.seed} --runs 1 --faults '{schedules.write(least)}'", flush=True
    )


def sum_up(played: list[Played], bad: int, seconds: float) -> None:
    """Print how much was played, what was injected, and how many violations there were."""
    injected: Counter[str] = Counter()
    for each in played:
        injected += each.injected
    requests, changes = sum(each.requests for each in played), sum(each.changes for each in played)
    print(f"{len(played)} schedules in {seconds:.0f} s: {requests} requests of operators, {changes} changes")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(injected.items()))
    print(f"{injected.total()} faults: {kinds or 'none'}")
    violations = sum(len(each.violations) for each in played)
    print(f"violations: {violations}" + (f" in {bad} schedules" if bad else ""))


def tell(history: History) -> str:
    """Every change, one a line."""
    lines = []
    for change in history.changes:
        status = change.object.get("status", {})
        steps = {name: f"{step['phase']} {step.get('attempt', 0)}" for name, step in status.get("steps", {}).items()}
        phase = status.get("phase") or [each["type"] for each in status.get("conditions", ())]
        name = change.object["metadata"]["name"]
        lines.append(
            f"{change.at:8.2f} {change.who:14} {change.kind:8} {change.plural:19} {name} {phase} {steps or ''}\n"
        )
    return "".join(lines)


def _parser() -> argparse.ArgumentParser:
    summary, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description=summary,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first play")
    parser.add_argument("--runs", type=int, default=100, help="plays, each with the next seed")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--faults", default=None, help="play these in place of the seed's own")
    parser.add_argument("--until", default="", help="stop at the first violation of this rule, and shrink nothing")
    parser.add_argument("--story", action="store_true", help="print every change that the server made")
    return parser


if __name__ == "__main__":
    sys.exit(main())
