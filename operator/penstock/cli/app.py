"""The command line with all its commands. What they need is imported when they run."""

from __future__ import annotations

import typer

from penstock.cli.commands import decisions, files, objects, processes, runs
from penstock.cli.frame import root

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
