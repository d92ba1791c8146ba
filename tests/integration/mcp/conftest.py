"""Both protocol eras: every test that asks for `era` runs in each."""

from __future__ import annotations

import pytest

from tests.support.mcp_client import Era


@pytest.fixture(params=["auto", "legacy"], ids=["2026-07-28", "handshake"])
def era(request: pytest.FixtureRequest) -> Era:
    found: Era = request.param
    return found
