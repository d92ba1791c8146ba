"""Cluster mode: one caller's access, and the access of whomever the MCP server speaks for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from penstock.adapters.kube.access import kube_access
from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.secret_records import SecretRecords
from penstock.ports.access import Access, Key
from penstock.ports.key_records import KeyRecords
from penstock.settings import CommandSettings
from penstock.wiring.kubeconfig import in_pod, kubeconfigs


@asynccontextmanager
async def cluster_access(settings: CommandSettings) -> AsyncIterator[Access]:
    """What the caller can reach with his own kubeconfig, or with the ServiceAccount of the pod that this runs in."""
    async with cluster_client(settings) as client:
        yield kube_access(client)


@asynccontextmanager
async def cluster_client(
    settings: CommandSettings, *, hear_date: Callable[[str], None] = lambda _: None
) -> AsyncIterator[KubeClient]:
    """The caller's own way to the API server; `hear_date` is told the Date of every answer."""
    async with KubeClient.connect(_credentials(settings), ClientOptions(hear_date=hear_date)) as client:
        yield client


def _credentials(settings: CommandSettings) -> Credentials:
    if in_pod(settings):
        return Credentials.in_cluster()
    return Credentials.from_kubeconfig(os.pathsep.join(map(str, kubeconfigs(settings))), settings.kube_context)


@asynccontextmanager
async def cluster_key_records(settings: CommandSettings, secret: Key) -> AsyncIterator[KeyRecords]:
    """The API keys of an installation, under the caller's own rights."""
    async with cluster_client(settings) as client:
        yield SecretRecords(client, secret)
