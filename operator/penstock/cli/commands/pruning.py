"""prune."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat
from penstock.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from penstock.api.v1alpha1.run import WorkflowRun

YES = "y"


@dataclass(frozen=True, slots=True)
class AgeOptions:
    """Which of the finished runs."""

    older_than: Annotated[
        str | None, typer.Option("--older-than", metavar="DURATION", help="What ended longer ago, as 12h or 7d.")
    ] = None
    keep: Annotated[
        int, typer.Option("--keep", metavar="N", min=0, help="Keep the newest N finished runs of each Workflow.")
    ] = 0


async def prune(
    call: Call,
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Only runs of this Workflow.")] = "",
    which: AgeOptions = AgeOptions(),
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Remove finished runs, with their outputs, logs and approvals, Jobs and pods.

    Lists what would go and asks first. A run that goes on is never removed, nor one that is retried at the moment or
    has a run of a step that goes on; runs of steps go with the run above them. What a Workflow's `retention` says goes
    by itself. What is removed is gone.
    """
    from penstock.application.list_runs import RunFilter
    from penstock.application.prune_runs import Pruning, find_prunable, remove_runs

    if which.older_than is None and not which.keep:
        hint = "Write --older-than 7d or --keep 10, or both; --older-than 0s is every finished run."
        raise InvalidInput("nothing says which runs are to go", hint=hint)
    pruning = Pruning(RunFilter(workflow=workflow), older_than=_age(which.older_than), keep=which.keep)
    async with call.access() as access:
        found = await find_prunable(access, call.namespace, pruning, call.tools.now())
        if dry_run or not found or not await _agreed(call, found, yes=yes):
            _tell(call, found if dry_run else (), output, "would be" if dry_run else "")
            return
        removed = await remove_runs(access, found)
    _tell(call, removed, output)


def _age(text: str | None) -> timedelta:
    from penstock.api.v1alpha1.meta import parse_duration

    try:
        return parse_duration(text or "0s")
    except ValueError as error:
        raise InvalidInput(f"--older-than: {error}") from error


async def _agreed(call: Call, found: Sequence[WorkflowRun], *, yes: bool) -> bool:
    """Whether these may go: --yes, or somebody who has seen the list says so."""
    from penstock.cli.views.tables import finished_run_table

    if yes:
        return True
    if not call.terminal.can_ask:
        raise InvalidInput("nobody is here to be asked", hint="Look with --dry-run, then add --yes.")
    for line in finished_run_table(found, call.tools.now()).lines():
        call.terminal.say(line)
    which = "this run" if len(found) == 1 else f"these {len(found)} runs"
    question = f"Remove {which} in namespace {call.namespace} for good? [y/N] "
    return (await call.terminal.ask(question) or "").strip().lower() == YES


def _tell(call: Call, runs: Sequence[WorkflowRun], output: OutputFormat, verb: str = "") -> None:
    from penstock.application.outcomes import run_id
    from penstock.cli.printing import show
    from penstock.cli.views.tables import finished_run_table

    listed = finished_run_table(runs, call.tools.now()).lines() if runs else ()
    show(call.terminal, {"runs": [run_id(run) for run in runs]}, output, listed)
    single = len(runs) == 1
    call.terminal.say(
        f"{len(runs) or 'No'} run{'' if single else 's'} {verb or ('was' if single else 'were')} removed."
    )


COMMANDS = (
    Command(
        "prune",
        prune,
        (
            "penstock prune --older-than 7d --dry-run",
            "penstock prune order-processing --keep 20",
            "penstock prune --older-than 30d --keep 100 --yes",
        ),
    ),
)
