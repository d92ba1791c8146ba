"""get, list, logs."""

from __future__ import annotations

from typing import Annotated

import typer

from penstock.cli.frame import Call, Command
from penstock.cli.options import LogOptions, Output, OutputFormat
from penstock.errors import InvalidInput


async def get(
    call: Call,
    kind: Annotated[
        str, typer.Argument(metavar="KIND|NAME", help="run (the default), workflow, approval or connection.")
    ],
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="NAME or NAMESPACE/NAME.")] = None,
    look: Annotated[
        bool, typer.Option("--look", help="Of a Connection, in local mode: have a look at it first.")
    ] = False,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show one run, Workflow, approval or Connection.

    Of an approval it shows exactly what would run: the bytes that its digest is over. Of a Connection it shows what was
    found when somebody last looked: whether it answers, and what it offers.
    """
    from penstock.cli.kinds import Kind, describe, fetch
    from penstock.cli.printing import key_of, show, wire

    chosen, wanted = (Kind.RUN, kind) if name is None else (Kind.of(kind), name)
    if look and chosen is not Kind.CONNECTION:
        raise InvalidInput("--look is for Connections", hint="Write: penstock get connection NAME --look")
    async with call.access(drive=look) as access:
        if look:
            from penstock.application.look_now import look_now

            await look_now(access, key_of(call, wanted), call.tools.now)
        item = await fetch(access, chosen, key_of(call, wanted))
        lines = await describe(call, access, item) if output is OutputFormat.TABLE else ()
    show(call.terminal, wire(item), output, lines)


async def list_objects(
    call: Call,
    kind: Annotated[str, typer.Argument(metavar="KIND", help="runs, workflows, approvals or connections.")] = "runs",
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Of all namespaces.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many runs at most, the newest.")] = 100,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List runs, Workflows, approvals or Connections."""
    from penstock.cli.kinds import Kind, fetch_all, table
    from penstock.cli.printing import show, wire_list

    chosen = Kind.of(kind)
    async with call.access() as access:
        items = await fetch_all(access, chosen, None if all_namespaces else call.namespace, limit)
    if not items and output is OutputFormat.TABLE:
        call.terminal.say(f"No {chosen}s found.")
        return
    lines = table(chosen, items, call.tools.now(), namespaces=all_namespaces).lines()
    show(call.terminal, wire_list(items), output, lines)


async def logs(
    call: Call,
    run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")],
    step: Annotated[str | None, typer.Argument(metavar="STEP", help="One step; else all of them.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is printed, to the end.")] = False,
    tail: Annotated[
        int | None, typer.Option("--tail", metavar="N", min=0, help="Only the last N lines of each step.")
    ] = None,
    which: LogOptions = LogOptions(),
) -> None:
    """Show what a run's steps printed.

    Of all steps at once, each line starts with its step's name. On a terminal, control characters are shown, not
    obeyed; colours stay. Of a run whose pods are gone, the end of each log is kept. Secrets of a step are masked as
    they are printed, but for `container` steps. An item's log is that of its pod, which may have run others before and
    after it.
    """
    from penstock.application.definitions import definition_of
    from penstock.application.read_step_log import StepLog
    from penstock.cli.printing import key_of
    from penstock.cli.step_logs import StepLogs, warn_of_unmasked

    for option, value in (("--attempt", which.attempt), ("--item", which.item)):
        if value is not None and step is None:
            raise InvalidInput(f"{option} needs a STEP", hint=f"Write: penstock logs RUN STEP {option} N")
    async with call.access() as access:
        found = await access.runs.get(key_of(call, run))
        reader = StepLogs(access, call.terminal, follow=follow, tail=tail)
        warn_of_unmasked(call.terminal, await definition_of(access, found), step)
        await (reader.all(found) if step is None else reader.one(found, StepLog(step, which.attempt, item=which.item)))


COMMANDS = (
    Command(
        "get",
        get,
        (
            "penstock get order-processing-1a2b3c4d",
            "penstock get workflow order-processing -o yaml",
            "penstock get approval order-processing-1a2b3c4d-release-0123456789",
            "penstock get connection shop --look",
        ),
    ),
    Command(
        "list",
        list_objects,
        ("penstock list", "penstock list approvals", "penstock list connections", "penstock list workflows -A -o json"),
    ),
    Command(
        "logs",
        logs,
        (
            "penstock logs -f order-processing-1a2b3c4d",
            "penstock logs --tail 20 order-processing-1a2b3c4d charge",
            "penstock logs bulk-import-1a2b3c4d import_record --item 300",
        ),
    ),
)
