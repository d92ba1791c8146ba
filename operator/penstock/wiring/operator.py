"""The operator's parts, put together for one process."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from penstock.adapters.assertion_key import KeyFile, NoKey
from penstock.adapters.cel.evaluator import CelEvaluator
from penstock.adapters.kube.asking import may_manage
from penstock.adapters.kube.authority import KubeAuthority
from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.cluster_side import ClusterSide
from penstock.adapters.kube.crash import CrashSwitch
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.figures import OperatorFigures
from penstock.adapters.kube.leader_lease import LeaderLease
from penstock.adapters.kube.manifests import PodSettings
from penstock.adapters.kube.server_clock import ServerClock
from penstock.adapters.kube.side_settings import SideSettings
from penstock.adapters.schema_checker import SchemaChecker
from penstock.application.cached_outputs import CachedOutputs
from penstock.application.child_runs import with_children
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Engine, Reconciler
from penstock.application.retention import installation_policy, span_of
from penstock.application.run_spans import RunSpans
from penstock.ports.access import Key
from penstock.ports.engine import Clock
from penstock.settings import OperatorSettings
from penstock.wiring.notifications import channels, notice_settings
from penstock.wiring.tracing import spans_of
from penstock_runtimes import all_runtimes, load_runtime

LEASE = "penstock-operator"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OperatorWiring:
    """What an operator process runs."""

    side: ClusterSide
    figures: OperatorFigures
    reconcile: Callable[[Key], Awaitable[datetime | None]]
    lease: LeaderLease
    credentials: Callable[[], Credentials]
    """New ones for each call: every event loop needs its own."""


@asynccontextmanager
async def operator_wiring(settings: OperatorSettings) -> AsyncIterator[OperatorWiring]:
    """Everything that an operator process needs, connected; closed at the end."""
    clock = ServerClock()

    def credentials() -> Credentials:
        if settings.kubeconfig:
            return Credentials.from_kubeconfig(settings.kubeconfig)
        return Credentials.in_cluster()

    evaluator = CelEvaluator()
    checker = SchemaChecker()
    figures = OperatorFigures(clock)
    options = ClientOptions(crash=CrashSwitch(settings.crash), hear_date=clock.hear, wrote=figures.wrote)
    instance = settings.instance or socket.gethostname()
    async with KubeClient.connect(credentials(), options) as client, spans_of(settings, "operator", instance) as spans:
        pod = await _pods(client, settings)
        plans = PlanBook(settings.runtime_images, evaluator.check_expression)
        lease = LeaderLease(client, Key(settings.namespace, LEASE), instance, clock)
        side = ClusterSide(
            client.writing_while(lease.holds),
            clock,
            plans,
            replace(
                _side_settings(settings, pod, instance, clock),
                traces=RunSpans(spans, settings.tracing_share) if spans else None,
            ),
            figures,
        )
        engine = Engine(
            ledger=side.ledger,
            revisions=side.revisions,
            gates=side.gates,
            runner=side.runner,
            outputs=CachedOutputs(side.outputs),
            connections=side.connections,
            evaluator=evaluator,
            checker=checker,
            clock=clock,
            events=side.events,
        )
        try:
            whole = with_children(engine, side.neighbours.families, KubeAuthority(client), pod.trace_share)
            reconciler = Reconciler(whole, plans, neighbours=side.neighbours)
            yield OperatorWiring(side, figures, reconciler.reconcile, lease, credentials)
        finally:
            evaluator.close()
            checker.close()


async def _pods(client: KubeClient, settings: OperatorSettings) -> PodSettings:
    return PodSettings(
        managed=await _managed(client, settings),
        dns_policy=settings.step_dns_policy,
        ca_bundle=settings.ca_bundle,
        trace_share=settings.tracing_share if settings.tracing_endpoint else None,
        in_memory=frozenset(name for name in all_runtimes() if not load_runtime(name).on_disk),
    )


def _side_settings(settings: OperatorSettings, pod: PodSettings, instance: str, clock: Clock) -> SideSettings:
    return SideSettings(
        settings.watch_namespaces,
        pod,
        instance,
        settings.workers,
        installation_policy(settings.retention_succeeded, settings.retention_failed, settings.retention_keep),
        channels=channels(settings, clock),
        notices=notice_settings(settings),
        signer=KeyFile(Path(key), settings.assertion_issuer) if (key := settings.assertion_key_file) else NoKey(),
        look_every=span_of("PENSTOCK_CONNECTION_LOOKS", settings.connection_looks),
    )


async def _managed(client: KubeClient, settings: OperatorSettings) -> bool:
    if settings.executor == "native":
        return False
    if await may_manage(client):
        return True
    log.warning("this cluster does not know spec.managedBy of Jobs: the built-in Job controller creates the pods")
    return False
