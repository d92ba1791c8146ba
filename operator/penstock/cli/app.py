"""The command line with all its commands. What they need is imported when they run."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from penstock.cli.commands import (
    apikeys,
    asking,
    auditing,
    connect,
    decisions,
    diagnosing,
    explaining,
    files,
    importing,
    objects,
    processes,
    pruning,
    runs,
)
from penstock.cli.frame import Command, add, root

ABOUT = """Run workflows, on this machine or on a Kubernetes cluster, with gates that people hold.

Without --local or --cluster the cluster is taken where one is configured (a kubeconfig, or the account of a pod),
else this machine. The options below may stand before or after the command.
"""
EXAMPLES = (
    "penstock init                      a first Workflow to start from",
    "penstock run hello.yaml            run it and follow it",
    "penstock list approvals            what waits for people",
)


COMMANDS: tuple[Command, ...] = (
    *runs.COMMANDS,
    *asking.COMMANDS,
    *objects.COMMANDS,
    *pruning.COMMANDS,
    *explaining.COMMANDS,
    *auditing.COMMANDS,
    *diagnosing.COMMANDS,
    *decisions.COMMANDS,
    *files.COMMANDS,
    *importing.COMMANDS,
    *apikeys.COMMANDS,
    *connect.COMMANDS,
    *processes.COMMANDS,
)
"""All commands, in the order of the help."""

GROUPS = {
    "apikey": "API keys of the MCP server: create, list, revoke.",
    "import": "Make Workflows of what you have: a database, an API, functions of Python, a plan of another tool.",
}
"""First words that several commands share, with what they are about."""

FLAGS = frozenset({"--local", "--cluster", "--debug"})
"""Options in front of the command's name that take no value."""


def needed(arguments: Sequence[str]) -> str | None:
    """The one command that these arguments are for; None where that takes a closer look."""
    first = next((one for one in arguments if one not in FLAGS), None)
    return first if any(_first_word(command) == first for command in COMMANDS) else None


def build_app(only: str | None = None) -> typer.Typer:
    """The command line with all its commands, or with only one: typer takes a millisecond for each."""
    app = typer.Typer(
        name="penstock",
        # Plain help: rich would double the time that `penstock --help` takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
    )
    root(app, ABOUT, EXAMPLES)
    groups: dict[str, typer.Typer] = {}
    for command in COMMANDS:
        if only in (None, _first_word(command)):
            add(_home(app, command, groups), command)
    return app


def _first_word(command: Command) -> str:
    return command.name.split()[0]


def _home(app: typer.Typer, command: Command, groups: dict[str, typer.Typer]) -> typer.Typer:
    """Where a command belongs: the app itself, or the group that is its first word."""
    word = _first_word(command)
    if word == command.name:
        return app
    if word not in groups:
        groups[word] = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
        app.add_typer(groups[word], name=word, help=GROUPS[word])
    return groups[word]
