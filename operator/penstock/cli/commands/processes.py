"""mcp, schedule, crds, version, drive."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.frame import Call, Command


def mcp(
    call: Call,
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="-- ARGUMENTS...", help="Handed on to the server.")
    ] = None,
) -> None:
    """Serve Workflows to agents over MCP.

    On standard input and output, unless the arguments say otherwise.
    """
    from penstock.cli.serving import become_server

    become_server(call.place, tuple(arguments or ()))


async def schedule(
    call: Call,
    files: Annotated[
        list[str] | None, typer.Argument(metavar="FILE...", help="Files with Workflows, which are stored first.")
    ] = None,
) -> None:
    """Start the runs of schedules on this machine.

    For local mode, where nobody else would: while this command runs, or `penstock mcp`, every schedule of every
    Workflow that is stored here is kept. What was due while neither ran is made up for once, within startingDeadline.
    """
    from penstock.cli.scheduling import keep_schedules

    await keep_schedules(call, files or ())


def crds(call: Call) -> None:
    """Print the CustomResourceDefinitions, for kubectl."""
    from penstock.cli.resource_definitions import definitions

    call.terminal.result([definitions()])


def version(call: Call) -> None:
    """Print the version."""
    import penstock

    call.terminal.result([f"penstock {penstock.__version__}"])


async def drive(call: Call) -> None:
    """Work on the runs of local mode until none is unfinished. Started by other commands when they need it."""
    await call.tools.drive_local(call.settings)


COMMANDS = (
    Command("mcp", mcp, ("penstock mcp", "penstock mcp -- --help")),
    Command("schedule", schedule, ("penstock schedule report.yaml", "penstock schedule")),
    Command("crds", crds, ("penstock crds | kubectl apply -f -",)),
    Command("version", version),
    Command("drive", drive, hidden=True),
)
