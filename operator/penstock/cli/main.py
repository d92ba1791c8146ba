"""The entry point `penstock`. Imports almost nothing: a one-step run has 400 ms in all, this included."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from penstock.cli.commands import decisions, files, objects, processes, runs
from penstock.cli.frame import Tools, root

ABOUT = """Run workflows, on this machine or on a Kubernetes cluster, with gates that people hold.

Without --local or --cluster the cluster is taken where one is configured (a kubeconfig, or the account of a pod),
else this machine. The options below may stand before or after the command.
"""
EXAMPLES = (
    "penstock init                      a first Workflow to start from",
    "penstock run hello.yaml            run it and follow it",
    "penstock list approvals            what waits for people",
)


def build_app() -> typer.Typer:
    """The command line with all its commands."""
    app = typer.Typer(
        name="penstock",
        # Plain help: rich would double the time that `penstock --help` takes.
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"max_content_width": 100, "help_option_names": ["-h", "--help"]},
    )
    root(app, ABOUT, EXAMPLES)
    for module in (runs, objects, decisions, files, processes):
        module.add_to(app)
    return app


def main(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run one command line to its exit code. Without arguments those of the process are taken."""
    if tools is None:
        from penstock.cli.real_tools import real_tools

        tools = real_tools()
    try:
        build_app()(None if arguments is None else list(arguments), prog_name="penstock", obj=tools)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
