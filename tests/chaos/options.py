"""What the commands of chaos have in common on the command line."""

from __future__ import annotations

import argparse

from tests.chaos import faults as schedules


def parser(module: str, doc: str | None, *, seed: str) -> argparse.ArgumentParser:
    """Of the command `python -m MODULE`, whose module says `doc`; with `--seed`, which is that of what `seed` says."""
    summary, _, more = (doc or "").partition("\n\n")
    made = argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=summary,
        epilog=more,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--seed", type=int, default=1, help=seed)
    return made


def plays(module: str, doc: str | None, *, runs: int, story: str) -> argparse.ArgumentParser:
    """Of a command that plays seeds one after another."""
    made = parser(module, doc, seed="of the first play")
    made.add_argument("--runs", type=int, default=runs, help="plays, each with the next seed")
    made.add_argument("--faults", type=schedules.read, default=None, help="play these in place of the seed's own")
    made.add_argument("--story", action="store_true", help=story)
    return made
