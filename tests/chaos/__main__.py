"""`python -m tests.chaos`: play random faults over random Workflows, and check what happened.

Real reconcile loops and real clients of Kubernetes, over HTTP, at a server that is in memory and goes by a clock that
jumps. Prints how many schedules were played, what was injected, and every violation with the command that plays it
again; 1 if there were any.

Examples:
  python -m tests.chaos --seed 1 --runs 1000
  python -m tests.chaos --seed 77 --runs 1 --faults 12:killed-after,30:410     these faults in place of the seed's own
  python -m tests.chaos --seed 77 --runs 1 --story                             print what happened
  python -m tests.chaos --seed 1 --runs 100 --stops                            leaders are stopped over and over

"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.chaos import faults as schedules
from tests.chaos.faults import Fault
from tests.chaos.options import plays
from tests.chaos.outcome import Played, sum_up, tell
from tests.chaos.play import play
from tests.chaos.shrinking import shrink

_SHOWN = 20
"""Violations that are shrunk and printed in full."""


def main() -> int:
    """Play, print; 1 where anything was violated."""
    options = _parser().parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets is part of what is played again.
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.chaos", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    began, seeds = time.monotonic(), range(options.seed, options.seed + options.runs)
    played, bad = [], 0
    once = partial(_once, faults=options.faults, stops=options.stops, story=options.story)
    for each in _play_all(once, seeds, options.jobs):
        played.append(each)
        print(each.story, end="")
        if each.violations:
            bad += 1
            _report(each, stops=options.stops, smallest=bad <= _SHOWN and not options.until)
        if options.until in {rule for rule, _ in each.violations}:
            break
    return int(sum_up(played, time.monotonic() - began))


def _play_all(once: partial[Played], seeds: range, jobs: int) -> Iterator[Played]:
    if jobs == 1 or len(seeds) == 1:
        yield from map(once, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(once, seeds, chunksize=4)


def _once(seed: int, *, faults: tuple[Fault, ...] | None, stops: bool, story: bool) -> Played:
    # What is refused is logged by what is under test, and is meant.
    logging.disable(logging.CRITICAL)
    found = play(seed, faults, stops=stops)
    return Played.of(found, tell(found.history) if story else "")


def _report(found: Played, *, stops: bool, smallest: bool) -> None:
    rules = {rule for rule, _ in found.violations}
    least = found.faults
    if smallest:
        logging.disable(logging.CRITICAL)
        least = shrink(found.faults, partial(_breaks, rules, found.seed, stops))
    print(f"seed {found.seed}: {len(found.violations)} violations")
    for rule, breach in found.violations:
        print(f"  {rule}: {breach}")
    one = f"python -m tests.chaos --seed {found.seed} --runs 1" + (" --stops" if stops else "")
    print(f"  again: {one if stops else f'make chaos SEED={found.seed} RUNS=1'}")
    print(f"  least: {one} --faults '{schedules.write(least)}'", flush=True)


def _breaks(rules: set[str], seed: int, stops: bool, faults: tuple[Fault, ...]) -> bool:
    return bool(rules & {rule for rule, _ in play(seed, faults, stops=stops).violations})


def _parser() -> argparse.ArgumentParser:
    parser = plays("tests.chaos", __doc__, runs=100, story="print every change that the server made")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--stops", action="store_true", help="leaders are stopped and woken, over and over")
    parser.add_argument("--until", default="", help="stop at the first violation of this rule, and shrink nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main())
