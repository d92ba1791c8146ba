"""validate, apply, init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat


def validate(
    call: Call,
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files with Workflows; - is standard input.")],
    output: Output = OutputFormat.TABLE,
) -> int:
    """Check files with Workflows and list every mistake.

    Each one with its line, its field and what to write instead.

    Nothing is run and nothing is stored. Exit code 2 when there is a mistake.
    """
    from penstock.cli.printing import show
    from penstock.cli.workflow_files import checked, report_document, report_lines

    reports = [checked(call, name) for name in files]
    lines = [line for report in reports for line in report_lines(report)]
    show(call.terminal, [report_document(report) for report in reports], output, lines)
    return 2 if any(report.problems for report in reports) else 0


async def apply(
    call: Call,
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files with Workflows and Connections; - is standard input.")
    ],
) -> None:
    """Store the Workflows and Connections of files, or make stored ones what the files say. Nothing is run.

    Every file is checked first: with one mistake in any of them, nothing is stored.
    """
    from penstock.cli.lookup import in_namespace, store
    from penstock.cli.workflow_files import valid_objects

    found = [in_namespace(call, each) for name in files for each in valid_objects(call, name)]
    async with call.access() as access:
        for each in found:
            await store(access, each)
            call.terminal.result([f"{each.kind} {each.metadata.namespace}/{each.metadata.name} is stored"])


def init(
    call: Call,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it.")] = Path(),
) -> None:
    """Write a first Workflow to start from. Never overwrites a file."""
    from penstock.cli.first_workflow import write_first_workflow

    path = write_first_workflow(directory)
    call.terminal.say(f"Wrote {path}")
    call.terminal.say(f"Run it:   penstock run {path} --set name=Ada")
    call.terminal.say(f"Check it: penstock validate {path}")


COMMANDS = (
    Command("validate", validate, ("penstock validate order.yaml", "penstock validate examples/*.yaml -o json")),
    Command("apply", apply, ("penstock apply shop.yaml", "penstock apply -n team-a flows/*.yaml")),
    Command("init", init, ("penstock init", "penstock init my-workflows")),
)
