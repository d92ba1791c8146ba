from __future__ import annotations

from typing import Any

import pytest

from penstock.ports.access import Actor, Key
from tests.support.mcp_client import (
    AGENT,
    ANN,
    Era,
    Switchable,
    a_server,
    call,
    connected,
    own,
    shared,
    tool_names,
)
from tests.support.memory_access import World, a_workflow, key_of

CONTEXT = {"customer_id": "CUST-1"}
SALES = "application://shop/sales"
LEAD = Actor("oidc:lead", "web", ("order-leads",))


def part_of(application: str, name: str, namespace: str = "shop", *groups: str, **spec: Any) -> Any:
    metadata = {"labels": {"app.kubernetes.io/part-of": application}}
    return a_workflow(name, namespace, metadata=metadata, tool={"visibleTo": list(groups)}, **spec)


@pytest.fixture
def world() -> World:
    return World(
        part_of("sales", "order-processing"),
        part_of("sales", "refund"),
        part_of("sales", "close-books", "shop", "order-leads"),
        part_of("sales", "order-processing", "lab"),
        part_of("ledger", "audit", "shop", "order-leads"),
        a_workflow("alone"),
    )


async def test_applications_are_listed_with_who_may_see_them(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(LEAD)), era) as client:
        found = (await call(client, "list_applications"))["output"]
    assert (found["user"], found["groups"]) == ("oidc:lead", ["order-leads"])
    assert [(line["uri"], line["visibility"], line["tools"]) for line in found["applications"]] == [
        ("application://lab/sales", "public", 1),
        ("application://shop/ledger", "groups", 1),
        (SALES, "public", 3),
    ]
    assert found["applications"][1]["groups"] == ["order-leads"]
    assert found["applications"][2]["title"] == "Sales"


async def test_who_is_in_no_group_sees_what_is_public(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
        found = (await call(client, "list_applications"))["output"]["applications"]
        closed = await call(client, "open_application", uri="application://shop/ledger")
        opened = (await call(client, "open_application", uri=SALES))["output"]
        names = await tool_names(client)
    assert [line["uri"] for line in found] == ["application://lab/sales", SALES]
    assert closed["error"] == "NOT_FOUND"
    assert [tool["tool_id"] for tool in opened["tools"]] == ["shop/order-processing", "shop/refund"]
    assert "execute_shop__close_books" not in names


async def test_an_application_holds_only_what_its_caller_may_run(world: World, era: Era):
    backend = shared(world, may_run=lambda actor, key: key == Key("shop", "refund"))
    async with connected(a_server(backend, Switchable(LEAD)), era) as client:
        opened = (await call(client, "open_application", uri=SALES))["output"]
        assert [tool["tool_id"] for tool in opened["tools"]] == ["shop/refund"]
        refused = await call(
            client, "execute_tool", session_id=opened["session_id"], tool_id="shop/order-processing", arguments={}
        )
    assert refused["error"] == "NOT_FOUND"
    assert "shop/refund" in refused["hint"]
    assert world.runs == {}


async def test_a_tool_is_found_and_called_by_its_identifier(world: World, era: Era):
    world.on_create = lambda run: world.succeed(key_of(run), {"order_id": "ORD-1"})
    async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
        session = (await call(client, "open_application", uri=SALES))["output"]["session_id"]
        (found, _) = (await call(client, "discover_tools", session_id=session))["output"]["tools"]
        arguments = {"context": CONTEXT, "job_label": "from an application"}
        answer = await call(client, "execute_tool", session_id=session, tool_id=found["tool_id"], arguments=arguments)
    assert found["parameters"]["properties"]["context"]["required"] == ["customer_id"]
    assert found["name"] == "execute_shop__order_processing"
    assert answer == {"status": "success", "output": {"order_id": "ORD-1"}, "run": "shop/order-processing-n1"}


async def test_wrong_arguments_of_a_tool_are_told_as_by_the_tool_itself(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
        session = (await call(client, "open_application", uri=SALES))["output"]["session_id"]
        answer = await call(
            client, "execute_tool", session_id=session, tool_id="shop/refund", arguments={"customer_id": "CUST-1"}
        )
    assert answer["error"] == "INVALID_INPUT"
    assert "customer_id" in answer["message"]


async def test_a_session_is_the_same_on_every_replica_and_after_a_restart(world: World, era: Era):
    sessions = []
    for _ in range(2):
        async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
            sessions.append((await call(client, "open_application", uri=SALES))["output"]["session_id"])
    assert sessions[0] == sessions[1]
    async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
        assert (await call(client, "discover_tools", session_id=sessions[0]))["status"] == "success"


async def test_a_session_is_good_for_its_own_caller_only(world: World, era: Era):
    caller = Switchable(ANN)
    async with connected(a_server(shared(world), caller), era) as client:
        session = (await call(client, "open_application", uri=SALES))["output"]["session_id"]
        for other in (AGENT, LEAD, Actor(ANN.user, "another-client")):
            caller.actor = other
            assert (await call(client, "discover_tools", session_id=session))["error"] == "NOT_FOUND"
        caller.actor = ANN
        for wrong in (session[:-1] + "x", session.replace("shop", "lab"), "", "..", "shop.sales."):
            assert (await call(client, "discover_tools", session_id=wrong))["error"] == "NOT_FOUND"


@pytest.mark.parametrize("uri", ["", "sales", "application://shop", "application://shop/a/b", "run://shop/sales"])
async def test_what_is_no_uri_is_said_to_be_none(world: World, uri: str):
    async with connected(a_server(own(world)), "auto") as client:
        answer = await call(client, "open_application", uri=uri)
    assert answer["error"] == "INVALID_INPUT"
    assert "application://" in answer["hint"]


async def test_on_a_laptop_applications_are_the_same(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        found = (await call(client, "list_applications"))["output"]["applications"]
        opened = (await call(client, "open_application", uri=SALES))["output"]
    assert [line["uri"] for line in found] == [SALES]
    assert "endpoint" not in opened
    assert [tool["name"] for tool in opened["tools"]] == ["execute_order_processing", "execute_refund"]
