from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastmcp import Client

from penstock_mcp.discovery import add_application_endpoints
from tests.support.http_server import listening
from tests.support.mcp_client import Era, a_server, answer_of, call, own, tool_names
from tests.support.memory_access import World, a_workflow, key_of

CONTEXT = {"customer_id": "CUST-1"}


def part_of(application: str, name: str, namespace: str = "shop") -> Any:
    return a_workflow(name, namespace, metadata={"labels": {"app.kubernetes.io/part-of": application}})


@pytest.fixture
async def address() -> AsyncIterator[str]:
    world = World(part_of("sales", "refund"), part_of("ledger", "audit"), part_of("sales", "refund", "lab"))
    world.on_create = lambda run: world.succeed(key_of(run), 7)
    app = a_server(own(world, None)).http_app(path="/mcp", stateless_http=True)
    async with listening(add_application_endpoints(app)) as base:
        yield base


async def test_an_endpoint_of_its_own_has_the_tools_of_its_application(address: str, era: Era):
    async with Client(f"{address}/apps/shop/sales/mcp", mode=era) as client:
        names = await tool_names(client)
        assert [name for name in names if name.startswith("execute_")] == ["execute_shop__refund"]
        assert {"get_run", "wait_for_run"} <= set(names)
        assert "list_applications" not in names
        assert (await call(client, "execute_shop__refund", context=CONTEXT))["output"] == 7


async def test_what_belongs_to_others_cannot_be_called_there(address: str, era: Era):
    async with Client(f"{address}/apps/shop/sales/mcp", mode=era) as client:
        for name in ("execute_shop__audit", "execute_lab__refund", "list_applications"):
            answer = await answer_of(client, name)
            assert answer.is_error
            assert answer.structured_content is None


async def test_two_applications_of_one_name_in_two_namespaces_are_two(address: str, era: Era):
    async with Client(f"{address}/apps/lab/sales/mcp", mode=era) as client:
        names = await tool_names(client)
    assert [name for name in names if name.startswith("execute_")] == ["execute_lab__refund"]


async def test_an_application_that_nobody_knows_is_empty(address: str, era: Era):
    async with Client(f"{address}/apps/shop/nothing/mcp", mode=era) as client:
        assert not [name for name in await tool_names(client) if name.startswith("execute_")]


async def test_opening_an_application_tells_its_endpoint(address: str, era: Era):
    async with Client(f"{address}/mcp", mode=era) as client:
        opened = await call(client, "open_application", uri="application://shop/sales")
    assert opened["output"]["endpoint"] == f"{address}/apps/shop/sales/mcp"
