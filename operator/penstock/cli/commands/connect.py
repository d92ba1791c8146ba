"""connect."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.connecting.clients import CLIENTS, Client, ClientName, Machine, Server
from penstock.cli.frame import Call, Command
from penstock.errors import NotPossible
from penstock.settings import process_environment

_PASSED_ON = ("KUBECONFIG", "PENSTOCK_HOME")
"""Variables that a desktop application does not have and the server may need."""


def connect(
    call: Call,
    client: Annotated[ClientName, typer.Argument(help="Whose configuration to write.")],
    url: Annotated[
        str, typer.Option("--url", metavar="URL", help="A cluster's server over HTTP; else this command over stdio.")
    ] = "",
    print_only: Annotated[
        bool, typer.Option("--print", help="Print what belongs into the file, and write nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print how the file would change, and write nothing.")
    ] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take Penstock out again.")] = False,
) -> None:
    """Put Penstock into the configuration of an agent's client.

    Everything else in the file stays as it is; a copy of it from before the first change is kept beside it.
    """
    from penstock.cli.connecting.config_files import merged, rendered, write

    chosen = CLIENTS[client]
    entry = None if remove else chosen.entry(_server(call, chosen, url))
    if print_only and entry is not None:
        call.terminal.result([rendered(chosen, entry).rstrip()])
        return
    file = chosen.file(_machine())
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    after = merged(chosen, before, entry)
    if dry_run:
        call.terminal.result(_difference(file, before, after))
    elif after == before:
        call.terminal.say(f"{file} is as it should be.")
    else:
        backup = write(file, after)
        call.terminal.say(f"Wrote {file}" + (f" (as it was: {backup})" if backup else ""))
        call.terminal.say(chosen.after)


def _server(call: Call, client: Client, url: str) -> Server:
    if url and not client.takes_url:
        raise NotPossible(
            f"{client.title} connects to no address from its file",
            hint="Add it there under Settings, Connectors; or leave out --url to go through this command.",
        )
    if url:
        return Server(url=url)
    from penstock.cli.serving import place_arguments

    environment = process_environment()
    passed_on = {name: environment[name] for name in _PASSED_ON if environment.get(name)}
    return Server(command=(*_own_command(), "mcp", *place_arguments(call.place)), env=passed_on)


def _own_command() -> tuple[str, ...]:
    # A desktop application has no PATH to speak of, so the command is named in full.
    beside = Path(sys.executable).with_name("penstock")
    return (str(beside),) if beside.exists() else (sys.executable, "-m", "penstock.cli.main")


def _machine() -> Machine:
    return Machine(Path.home(), sys.platform, process_environment().get("APPDATA", ""))


def _difference(file: Path, before: str, after: str) -> list[str]:
    name = str(file)
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm=""))


COMMANDS = (
    Command(
        "connect",
        connect,
        ("penstock connect claude-desktop", "penstock connect cursor --url https://mcp.example.com/mcp --dry-run"),
    ),
)
