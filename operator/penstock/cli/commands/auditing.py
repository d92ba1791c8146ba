"""audit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import Output, OutputFormat
from penstock.errors import InvalidInput


async def audit(
    call: Call,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")],
    audit_log: Annotated[
        Path | None, typer.Option("--audit-log", metavar="FILE", help="The API server's audit log, JSON lines.")
    ] = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Say who asked for a run, what was shown to approvers, who decided what, and what then ran.

    Everything is checked against everything else: digests against what was shown, votes against outcomes. With the API
    server's audit log also when, by whom and in whose name, refused tries included.
    """
    from penstock.application.audit_run import audit_run
    from penstock.cli.printing import key_of, show
    from penstock.cli.views.audits import audit_lines

    async with call.access() as access:
        trail = await audit_run(access, key_of(call, run), _lines(audit_log) if audit_log else ())
    show(call.terminal, trail.wire(), output, audit_lines(trail))


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as error:
        raise InvalidInput(f"the audit log {path} cannot be read: {error.strerror}") from error


COMMANDS = (
    Command(
        "audit",
        audit,
        (
            "penstock audit order-processing-1a2b3c4d",
            "penstock audit order-x7k2p --audit-log /var/log/kubernetes/audit.log -o json",
        ),
    ),
)
