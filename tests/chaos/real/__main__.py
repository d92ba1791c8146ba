"""`python -m tests.chaos.real`: the plays of `python -m tests.chaos` on a real cluster, and what its API server tells.

Real operators, killed and stopped for real, behind a proxy that is faulty; real Jobs, pods and votes; the API server's
watches and its audit log are what is checked. The same seed is the same scenario with the same faults; what else goes
on in a cluster is not the same twice. Prints what was injected and every violation; 1 if there were any.

Examples:
  python -m tests.chaos.real --seed 1 --runs 50
  python -m tests.chaos.real --seed 7 --runs 1 --faults 12:killed-after,30:410     these faults instead
  python -m tests.chaos.real --seed 7 --runs 1 --story                             print what happened

"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from tests.chaos import faults as schedules
from tests.chaos.options import plays
from tests.chaos.outcome import Outcome, Played, sum_up, tell
from tests.chaos.real.play import play
from tests.chaos.real.site import Site, installed_site


def main() -> int:
    """Play, print; 1 where anything was violated."""
    options = _parser().parse_args()
    return asyncio.run(_play_all(options))


async def _play_all(options: argparse.Namespace) -> int:
    turn, played = asyncio.Semaphore(options.at_once), list[Played]()
    async with installed_site() as site, asyncio.TaskGroup() as group:
        began = time.monotonic()
        for seed in range(options.seed, options.seed + options.runs):
            group.create_task(_once(site, seed, turn, played, options))
    return int(sum_up(played, time.monotonic() - began))


async def _once(
    site: Site, seed: int, turn: asyncio.Semaphore, played: list[Played], options: argparse.Namespace
) -> None:
    async with turn:
        found = await play(site, seed, options.faults)
    left = found.injected.total()
    print(f"seed {seed}: {len(found.history.changes)} changes, {left} faults, violations: {len(found.violations)}")
    if found.violations:
        _report(found, logs=options.story)
    if options.story:
        print(tell(found.history), end="")
    sys.stdout.flush()
    played.append(Played.of(found))


def _report(found: Outcome, *, logs: bool) -> None:
    for rule, breach in found.violations:
        print(f"  {rule}: {breach}")
    print(f"  again: make chaos-cluster SEED={found.seed} RUNS=1")
    print(f"  faults: {schedules.write(found.faults)}")
    if logs:
        print(found.logs)


def _parser() -> argparse.ArgumentParser:
    parser = plays("tests.chaos.real", __doc__, runs=5, story="print every change, and the operators' logs")
    parser.add_argument("--at-once", type=int, default=4, help="plays that go on at the same time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
