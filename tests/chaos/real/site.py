"""The cluster that plays are given on: Penstock installed in it, with its own operator at rest."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos import scenario
from tests.chaos.real.api import Way, way_to
from tests.support.cluster import Cluster, Release, find_cluster
from tests.support.host_operator import OperatorConfig, allow_lease, operator_config
from tests.support.installation import CA_BUNDLE, RUNTIME_IMAGES, Images, put_authorities
from tests.support.tenant import Person, Tenant

PEOPLE = (
    Person(scenario.REQUESTER, ("author",)),
    *(Person(name, ("approver",)) for name in scenario.PEOPLE),
)


@dataclass(frozen=True, slots=True)
class Site:
    """Where plays are given."""

    cluster: Cluster
    way: Way
    config: OperatorConfig


@asynccontextmanager
async def installed_site() -> AsyncIterator[Site]:
    """Install the charts of this tree with nothing running: operators of plays are processes of this machine."""
    cluster = await asyncio.to_thread(find_cluster)
    # All programs of plays are of this runtime.
    runtimes = {"bash": await asyncio.to_thread(RUNTIME_IMAGES["bash"].build)}
    images = Images(cluster.pause_image, cluster.pause_image, runtimes)
    nobody = {"operator.replicas": 0, "mcp.replicas": 0, "caBundle.configMapName": CA_BUNDLE}
    await asyncio.to_thread(Release(cluster).install, {**images.values, **nobody})
    with TemporaryDirectory(prefix="penstock-chaos-") as folder:
        config = await asyncio.to_thread(operator_config, cluster, images, Path(folder))
        async with way_to(cluster) as way:
            yield Site(cluster, way, config)


def open_namespace(cluster: Cluster) -> str:
    """A namespace where an operator of its own may keep its Lease, with the people in it."""
    namespace = f"e2e-chaos-{uuid.uuid4().hex[:8]}"
    cluster.kubectl("create", "namespace", namespace)
    put_authorities(cluster, namespace)
    allow_lease(cluster, namespace)
    Tenant(cluster, namespace, PEOPLE).settle()
    return namespace
