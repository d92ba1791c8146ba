"""A fault server and a client for it, for every test of the Kubernetes adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.credentials import Credentials
from tests.integration.kube.api_server import ApiServer, serving

QUICK = ClientOptions(request=5.0, first_wait=0.01, longest_wait=0.02)


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    async with serving() as api:
        yield api


@pytest.fixture
async def client(server: ApiServer) -> AsyncIterator[KubeClient]:
    async with KubeClient.connect(Credentials.fixed(server.url, "Bearer t"), QUICK) as kube:
        yield kube
