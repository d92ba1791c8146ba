"""A fault server and a client for it, for every test of the Kubernetes adapter."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.credentials import Credentials
from tests.integration.kube.api_server import ApiServer, serving
from tests.integration.kube.kubelet import Kubelet

QUICK = ClientOptions(request=5.0, first_wait=0.01, longest_wait=0.02)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with serving(ApiServer()) as api:
        yield api


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[KubeClient]:
    async with KubeClient.connect(Credentials.fixed(server.url, "Bearer t"), QUICK) as kube:
        yield kube


@pytest.fixture
async def kubelet(server: ApiServer) -> AsyncIterator[Kubelet]:
    node = Kubelet(server)
    task = asyncio.create_task(node.run())
    await asyncio.sleep(0)
    yield node
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
