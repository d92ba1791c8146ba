"""An operator of a play: everything of its process but kopf, whose watches are played over the same HTTP."""

from __future__ import annotations

import asyncio
import logging

from penstock.adapters.kube.asking import KINDS
from penstock.adapters.kube.backoff import Backoff
from penstock.adapters.kube.client import KubeClient, as_dict
from penstock.adapters.kube.cluster_side import ClusterSide
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.failures import Expired
from penstock.adapters.kube.leader_lease import LeaderLease
from penstock.adapters.kube.streams import watch
from penstock.application.reconcile_run import Reconciler
from penstock.errors import PenstockError
from penstock.ports.access import Key
from tests.chaos.server import ChaosServer
from tests.integration.kube import operators
from tests.integration.kube.conftest import QUICK

_LEASE = Key("penstock-system", "penstock-operator")
_SILENCE = 90.0

_log = logging.getLogger(__name__)


async def operate(server: ChaosServer, name: str, token: str) -> None:
    """Lead when the Lease allows it, follow always, without end."""
    own = KubeClient.connect(Credentials.fixed(server.url, token), QUICK)
    async with own as client:
        lease = LeaderLease(client, _LEASE, name, server.times, monotonic=server.times.monotonic)
        async with operators.a_side(server, token=token, may_write=lease.holds) as (side, reconciler):
            await _work(client, side, reconciler, lease)


async def _work(client: KubeClient, side: ClusterSide, reconciler: Reconciler, lease: LeaderLease) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(side.follow())
        for plural in operators.KINDS:
            group.create_task(_watch(client, side, plural))
        group.create_task(lease.lead(lambda: side.work(reconciler.reconcile)))


async def _watch(client: KubeClient, side: ClusterSide, plural: str) -> None:
    """As kopf: a list, then watches from there on; when the server has forgotten, a list again without a word of what
    was deleted meanwhile.
    """
    path, since, backoff = f"{KINDS}/{plural}", "", Backoff(0.1, 10.0)
    while True:
        try:
            if not since:
                listed = await client.get(path, as_dict)
                since = listed["metadata"]["resourceVersion"]
                for found in listed["items"]:
                    side.heard(plural, None, found)
                backoff.reset()
            params = {"resourceVersion": since}
            async for change in watch(client, path, lambda raw: as_dict(bytes(raw)), params, silence=_SILENCE):
                if change.object is None:
                    since = change.resource_version
                    continue
                since = change.object["metadata"]["resourceVersion"]
                side.heard(plural, change.type, change.object)
        except Expired:
            since = ""
        except PenstockError as error:
            _log.info("watch of %s broke: %s", plural, error)
        await asyncio.sleep(backoff.next())
