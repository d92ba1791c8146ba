"""doctor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli import exit_codes
from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat

if TYPE_CHECKING:
    from penstock.application.diagnosis import Finding


@dataclass(frozen=True, slots=True)
class ErrandOptions:
    """What is to be looked at."""

    installation: Annotated[
        str, typer.Option("--installation", metavar="NAMESPACE", help="Namespace that Penstock is installed in.")
    ] = "penstock-system"
    probe: Annotated[
        bool,
        typer.Option("--probe", help="Run one step that tries what steps can reach; its run is removed afterwards."),
    ] = False


async def doctor(call: Call, errand: ErrandOptions, output: Output = OutputFormat.TABLE) -> int:
    """Look at an installation and say what is missing, and what to do.

    On a cluster, with your own rights: versions, kinds, admission policies, the operator and what it may do, the MCP
    server, images, clock, DNS and isolation of steps. With --local: what this machine needs to run Workflows. Changes
    nothing, unless --probe is given. Exit code 1 where something has to be done.
    """
    from penstock.application.diagnosis import in_need
    from penstock.cli.printing import show
    from penstock.cli.views.findings import document, lines, summary

    found: list[Finding] = []
    live = output is OutputFormat.TABLE
    async for finding in call.tools.diagnose(call.settings, errand.installation, errand.probe):
        found.append(finding)
        if live:
            call.terminal.result(lines(finding))
    if not live:
        show(call.terminal, document(found), output)
    call.terminal.say(summary(found))
    return exit_codes.FAILED if in_need(found) else exit_codes.SUCCEEDED


COMMANDS = (
    Command(
        "doctor", doctor, ("penstock doctor", "penstock doctor --probe -n sales", "penstock doctor --local -o json")
    ),
)
