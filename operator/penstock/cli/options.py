"""Options that several commands share, as frozen dataclasses: one field, one option. The frame expands them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer


class OutputFormat(StrEnum):
    """How a result is printed."""

    TABLE = "table"
    JSON = "json"
    YAML = "yaml"


Output = Annotated[OutputFormat, typer.Option("--output", "-o", help="table for people, json or yaml for programs.")]
"""The option `-o`."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command acts."""

    local: Annotated[bool, typer.Option("--local", help="On this machine, without a cluster.")] = False
    cluster: Annotated[bool, typer.Option("--cluster", help="On the cluster of your kubeconfig.")] = False
    kube_context: Annotated[
        str | None, typer.Option("--kube-context", metavar="NAME", help="Context of the kubeconfig; implies --cluster.")
    ] = None
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Namespace.")] = None
    secrets_dir: Annotated[
        str | None,
        typer.Option("--secrets-dir", metavar="DIR", help="Secrets of local mode, a file NAME.env each."),
    ] = None
    debug: Annotated[bool, typer.Option("--debug", help="Show where in Penstock an error came from.")] = False

    def over(self, other: Place) -> Place:
        """The place, filled up from one that was given earlier on the command line."""
        chosen = self.local or self.cluster or self.kube_context is not None
        where = self if chosen else other
        return Place(
            local=where.local,
            cluster=where.cluster,
            kube_context=where.kube_context,
            namespace=self.namespace or other.namespace,
            secrets_dir=self.secrets_dir or other.secrets_dir,
            debug=self.debug or other.debug,
        )


@dataclass(frozen=True, slots=True)
class ContextOptions:
    """What a run starts with: its values, and whether it may take outputs of earlier runs."""

    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One input; repeat it for more. Typed by the inputs' schema."),
    ] = None
    context: Annotated[
        str | None,
        typer.Option("--context", metavar="FILE|JSON", help="All inputs: a JSON object, or a JSON or YAML file."),
    ] = None
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Run every step, also those that could take an earlier run's output.")
    ] = False


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What a file's Workflow is used for."""

    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="NAME", help="Which Workflow of the file, if it holds several.")
    ] = None
    apply: Annotated[
        bool,
        typer.Option("--apply", help="On a cluster: create the Workflow or replace it by the file's first."),
    ] = False


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which of a step's logs is meant."""

    attempt: Annotated[
        int | None, typer.Option("--attempt", metavar="N", min=1, help="This attempt of STEP; else its newest.")
    ] = None
    item: Annotated[
        int | None, typer.Option("--item", metavar="N", min=0, help="Of a STEP with forEach: this item, from 0 on.")
    ] = None
