"""Operators for the fault server: everything of an operator's process but kopf, whose watches are played here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from penstock.adapters.assertion_key import NoKey
from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.adapters.kube.authority import KubeAuthority
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.cluster_side import ClusterSide
from penstock.adapters.kube.crash import CrashSwitch
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.figures import OperatorFigures
from penstock.adapters.kube.manifests import PodSettings
from penstock.adapters.kube.pod_minder import Patience
from penstock.adapters.kube.server_clock import ServerClock
from penstock.adapters.kube.side_settings import SideSettings
from penstock.adapters.schema_checker import SchemaChecker
from penstock.application.child_runs import with_children
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Engine, Reconciler
from penstock.application.run_spans import RunSpans
from penstock.ports.assertions import Signer
from penstock.ports.notices import Channel
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.conftest import QUICK

KINDS = ("workflows", "approvalrequests", "connections")
"""What kopf watches."""
IMAGES = {"python": "python@sha256:" + "1" * 64, "bash": "bash@sha256:" + "2" * 64, "steps": "steps@sha256:" + "3" * 64}


class Died(BaseException):
    """The process is no more."""


def _die() -> None:
    raise Died


@contextlib.asynccontextmanager
async def a_side(
    server: ApiServer,
    crash: str = "",
    *,
    managed: bool = True,
    patience: Patience | None = None,
    token: str | None = None,
    may_write: Callable[[], bool] = lambda: True,
    channels: Mapping[str, Channel] | None = None,
    traces: RunSpans | None = None,
    look_every: timedelta | None = None,
    signer: Signer | None = None,
) -> AsyncIterator[tuple[ClusterSide, Reconciler]]:
    """The operator's side of the fault server, which knows it by `token`."""
    clock = server.clock or ServerClock()
    figures = OperatorFigures(clock)
    options = replace(QUICK, crash=CrashSwitch(crash, die=_die), wrote=figures.wrote)
    async with KubeClient.connect(Credentials.fixed(server.url, token), options) as connected:
        client = connected.writing_while(may_write)
        plans = PlanBook(IMAGES, CelEvaluator().check_expression)
        settings = replace(
            _settings(managed, patience or Patience()),
            channels=channels or {},
            traces=traces,
            look_every=look_every,
            signer=signer or NoKey(),
        )
        if traces is not None:
            settings = replace(settings, pod=replace(settings.pod, trace_share=traces.share))
        side = ClusterSide(client, clock, plans, settings, figures)
        engine = Engine(
            ledger=side.ledger,
            revisions=side.revisions,
            gates=side.gates,
            runner=side.runner,
            outputs=side.outputs,
            connections=side.connections,
            evaluator=CelEvaluator(),
            checker=SchemaChecker(),
            clock=clock,
            events=side.events,
        )
        whole = with_children(engine, side.neighbours.families, KubeAuthority(client))
        yield side, Reconciler(whole, plans, neighbours=side.neighbours)


def _settings(managed: bool, patience: Patience) -> SideSettings:
    return SideSettings(workers=8, pod=PodSettings(managed=managed), patience=patience)


async def operate(
    server: ApiServer,
    crash: str = "",
    *,
    managed: bool = True,
    patience: Patience | None = None,
    **more: Any,
) -> None:
    """An operator at work, until it is cancelled or dies (at its write `crash`); `more` is for `a_side`."""
    async with a_side(server, crash, managed=managed, patience=patience, **more) as (side, reconciler):
        with contextlib.suppress(BaseExceptionGroup):
            await drive(server, side, reconciler)


async def drive(server: ApiServer, side: ClusterSide, reconciler: Reconciler) -> None:
    """Have an operator's parts work, without end."""
    async with asyncio.TaskGroup() as group:
        group.create_task(side.follow())
        group.create_task(_play_kopf(server, side))
        group.create_task(side.work(reconciler.reconcile))


@contextlib.asynccontextmanager
async def operating(
    server: ApiServer,
    crash: str = "",
    *,
    managed: bool = True,
    patience: Patience | None = None,
    **more: Any,
) -> AsyncIterator[asyncio.Task[None]]:
    """An operator that works beside the block."""
    task = asyncio.create_task(operate(server, crash, managed=managed, patience=patience, **more))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _play_kopf(server: ApiServer, side: ClusterSide) -> None:
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    server.watchers.add(queue)
    try:
        for plural, found in _listed(server):
            side.heard(plural, None, found)
        while True:
            event = await queue.get()
            if event is not None and event.get("plural") in KINDS:
                side.heard(event["plural"], event["type"], event["object"])
    finally:
        server.watchers.discard(queue)


def _listed(server: ApiServer) -> Iterator[tuple[str, dict[str, Any]]]:
    for (plural, _, _), found in tuple(server.objects.items()):
        if plural in KINDS:
            yield plural, found
