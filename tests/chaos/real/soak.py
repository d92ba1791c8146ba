"""`python -m tests.chaos.real.soak`: many runs for many minutes on a real cluster, with faults all the time.

Two replicas share the work. One is stopped and woken, the other is killed and stopped, so that the first one's memory
can be followed from its start to its end. Finished runs are removed by the operator itself, as their Workflow says.
Afterwards: what the checker finds, memory after warm-up and at the end, what is left over, who ended unasked. Prints a
summary, and writes all of it as JSON; 1 where something does not hold.

Examples:
  python -m tests.chaos.real.soak --minutes 3
  python -m tests.chaos.real.soak --minutes 30 --runs 500 --seed 2 --out build/soak.json

"""

from __future__ import annotations

import argparse
import asyncio
import json
import pickle
import random
import sys
from pathlib import Path

from tests.chaos import options
from tests.chaos.real.long_play import LongPlay, Plan
from tests.chaos.real.site import installed_site
from tests.chaos.real.sums import Sums

_PER_MINUTE = 17
"""Runs."""


def main() -> int:
    """Play for so long, sum up; 1 where something does not hold."""
    chosen = _parser().parse_args()
    runs = chosen.runs or round(_PER_MINUTE * chosen.minutes)
    sums, happened = asyncio.run(_soak(Plan(chosen.seed, chosen.minutes * 60, runs)))
    if chosen.keep is not None:
        chosen.keep.write_bytes(pickle.dumps(happened))
    print(sums.as_text())
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(json.dumps(sums.as_json(), indent=2) + "\n")
    print(f"written to {chosen.out}")
    return 0 if sums.holds else 1


async def _soak(plan: Plan) -> tuple[Sums, object]:
    # What the operator rolls is its own; the rest follows from the seed.
    random.seed(plan.seed)
    async with installed_site() as site:
        play = LongPlay(site, plan)
        return await play.run(), play.happened


def _parser() -> argparse.ArgumentParser:
    parser = options.parser("tests.chaos.real.soak", __doc__, seed="of Workflows, faults and people")
    parser.add_argument("--minutes", type=float, default=30.0, help="in which runs are asked for")
    parser.add_argument("--runs", type=int, default=0, help=f"to ask for; {_PER_MINUTE} a minute by default")
    parser.add_argument("--out", type=Path, default=Path("build/soak.json"), help="where the JSON goes")
    parser.add_argument("--keep", type=Path, default=None, help="write all that happened there, as a pickle")
    return parser


if __name__ == "__main__":
    sys.exit(main())
