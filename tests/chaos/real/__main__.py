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
from collections import Counter

from tests.chaos import faults as schedules
from tests.chaos.__main__ import Played, sum_up, tell
from tests.chaos.faults import Fault
from tests.chaos.real.play import Outcome, play
from tests.chaos.real.site import Site, installed_site


def main() -> int:
    """Play, print; 1 where anything was violated."""
    options = _parser().parse_args()
    return asyncio.run(_play_all(options))


async def _play_all(options: argparse.Namespace) -> int:
    faults = None if options.faults is None else schedules.read(options.faults)
    turn, played = asyncio.Semaphore(options.at_once), list[Played]()
    async with installed_site() as site, asyncio.TaskGroup() as group:
        began = time.monotonic()
        for seed in range(options.seed, options.seed + options.runs):
            group.create_task(_once(site, seed, faults, turn, played, options))
    bad = sum(bool(each.violations) for each in played)
    sum_up(played, bad, time.monotonic() - began)
    return 1 if bad else 0


async def _once(
    site: Site,
    seed: int,
    faults: tuple[Fault, ...] | None,
    turn: asyncio.Semaphore,
    played: list[Played],
    options: argparse.Namespace,
) -> None:
    async with turn:
        found = await play(site, seed, faults)
    left = found.injected.total()
    print(f"seed {seed}: {len(found.history.changes)} changes, {left} faults, violations: {len(found.violations)}")
    if found.violations:
        _report(found, logs=options.story)
    if options.story:
        print(tell(found.history), end="")
    sys.stdout.flush()
    injected = Counter({str(kind): count for kind, count in found.injected.items()})
    played.append(Played(seed, found.faults, injected, found.violations, found.requests, len(found.history.changes)))


def _report(found: Outcome, *, logs: bool) -> None:
    for rule, breach in found.violations:
        print(f"  {rule}: {breach}")
    print(f"  again: make chaos-cluster SEED={found.seed} RUNS=1")
    print(f"  faults: {schedules.write(found.faults)}")
    if logs:
        print(found.logs)


def _parser() -> argparse.ArgumentParser:
    summary, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos.real",
        description=summary,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first play")
    parser.add_argument("--runs", type=int, default=5, help="plays, each with the next seed")
    parser.add_argument("--at-once", type=int, default=4, help="plays that go on at the same time")
    parser.add_argument("--faults", default=None, help="play these in place of the seed's own")
    parser.add_argument("--story", action="store_true", help="print every change, and the operators' logs")
    return parser


if __name__ == "__main__":
    sys.exit(main())
