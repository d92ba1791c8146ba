"""`python -m evals`: how well a model solves the tasks with Penstock's tools.

Each task is played in a new data directory with a server of its own, and judged by what is there afterwards.

Examples:
  python -m evals                                       the scripts, no key needed
  python -m evals --model openai:gpt-5 --trials 3       OPENAI_API_KEY, and OPENAI_BASE_URL for what speaks the same
  python -m evals --model anthropic:claude-sonnet-4-5   ANTHROPIC_API_KEY
  python -m evals --task stopped-at-a-gate

"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from evals.playing import Choice, Outcome, play
from evals.scripted import scripted
from evals.task import Task
from evals.tasks import TASKS

SCRIPTED = "scripted"


def main() -> int:
    """Play, print, write; 1 where a task was not solved."""
    options = _parser().parse_args()
    chosen = [task for task in TASKS if not options.task or task.name in options.task]
    if unknown := set(options.task) - {task.name for task in TASKS}:
        print(f"evals: no such task: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    outcomes = [asyncio.run(_once(task, options.model)) for task in chosen for _ in range(options.trials)]
    solved = sum(not outcome.problems for outcome in outcomes)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    found = {"model": options.model, "solved": solved, "of": len(outcomes), "tasks": list(map(asdict, outcomes))}
    options.output.write_text(json.dumps(found, indent=2) + "\n")
    print(f"\n{options.model}: {solved} of {len(outcomes)} solved; written to {options.output}")
    return 0 if solved == len(outcomes) else 1


async def _once(task: Task, model: str) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="penstock-eval-") as home:
        outcome = await play(task, _model(task, model), Path(home))
    mark = "solved" if not outcome.problems else "FAILED"
    print(f"{mark}  {task.name:28} {len(outcome.calls):2} calls {outcome.tokens:7} tokens {outcome.seconds:6.1f} s")
    for problem in outcome.problems:
        print(f"        {problem}")
    if outcome.problems:
        print(f"        calls: {' '.join(outcome.calls)}\n        said: {outcome.words}")
    return outcome


def _model(task: Task, name: str) -> Choice:
    return lambda tools, folder: scripted(task.script, tools, folder) if name == SCRIPTED else name


def _parser() -> argparse.ArgumentParser:
    summary, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m evals", description=summary, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default=SCRIPTED, help="provider:name; default: the tasks' own scripts")
    parser.add_argument("--task", action="append", default=[], help="only this one; may be repeated")
    parser.add_argument("--trials", type=int, default=1, help="times that each task is played")
    parser.add_argument("--output", type=Path, default=Path("build/evals.json"), help="where the outcome goes")
    return parser


if __name__ == "__main__":
    sys.exit(main())
