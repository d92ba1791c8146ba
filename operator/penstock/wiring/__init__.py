"""Puts things together, for each mode. The one place that knows adapters and application at once; holds no rules."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from penstock.ports.access import Access
from penstock.settings import CommandSettings

if TYPE_CHECKING:
    from penstock.api.v1alpha1.connection import Connection
    from penstock.api.v1alpha1.workflow import Workflow
    from penstock.errors import Problem


@asynccontextmanager
async def open_access(
    settings: CommandSettings, *, drive: bool = False, tell: Callable[[str], None] | None = None
) -> AsyncIterator[Access]:
    """What the caller can reach: local mode's data directory, or the cluster under the caller's own rights.

    `drive` (local mode): this process moves the runs itself while the block lasts. Whatever is unfinished at its end,
    or is asked for without `drive`, is moved by a detached driver. `tell` (local mode): it starts the runs of
    schedules too, as the operator does in a cluster, and tells of it line by line.
    """
    if settings.local:
        from penstock.wiring.local import local_access

        async with local_access(settings, drive=drive, tell=tell) as access:
            yield access
    else:
        from penstock.wiring.cluster import cluster_access

        async with cluster_access(settings) as access:
            yield access


def default_namespace(settings: CommandSettings) -> str:
    """The namespace of names that are given without one: chosen, else the kubeconfig context's, else `default`."""
    if settings.namespace or settings.local:
        return settings.namespace or "default"
    from penstock.wiring.kubeconfig import home_namespace

    return home_namespace(settings) or "default"


async def drive_local(settings: CommandSettings) -> None:
    """Move the runs of the data directory until nothing is left to do; at once when another process does."""
    from penstock.wiring.local import drive

    await drive(settings)


def check_text(settings: CommandSettings, text: str) -> tuple[Sequence[Workflow | Connection], Sequence[Problem]]:
    """The Workflows and Connections of a YAML text and everything that is wrong with it, with lines.

    In cluster mode the names of runtimes are not checked: the cluster's operator knows them.
    """
    from penstock.adapters.cel.checking import check_expression
    from penstock.api.v1alpha1.sources import validate_text
    from penstock.application.check_context import check_context
    from penstock.wiring.local import local_images

    images = local_images() if settings.local else None
    return validate_text(text, images=images, check_expression=check_expression, check_context=check_context)
