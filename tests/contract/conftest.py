"""One suite, every adapter: a test takes `world` and runs once for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.on_fault_server import OnFaultServer
from tests.contract.worlds import InMemory, OnDisk, World

WORLDS = [
    pytest.param(InMemory, id="memory"),
    pytest.param(OnDisk, id="sqlite"),
    pytest.param(OnFaultServer, id="kube"),
]


@pytest.fixture(params=WORLDS)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    made: World = request.param(tmp_path)
    await made.open()
    try:
        yield made
    finally:
        await made.close()
