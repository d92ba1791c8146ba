from __future__ import annotations

import json

import pytest

from penstock.ports.access import Actor, Key
from penstock_mcp.backend import OwnBackend
from tests.support.mcp_client import (
    AGENT,
    ANN,
    Era,
    Switchable,
    a_server,
    answer_of,
    call,
    connected,
    own,
    shared,
)
from tests.support.memory_access import ME, World, a_workflow

CONTEXT = {"customer_id": "CUST-1"}
RUN = Key("shop", "order-processing-n1")
GATE = "shop/order-processing-n1-release-gate"


@pytest.fixture
def world() -> World:
    return World(a_workflow(), local=True)


async def stopped_at_a_gate(client, world: World, tool: str = "execute_order_processing", **gate: object) -> Key:
    await call(client, tool, context=CONTEXT, wait=False)
    return world.ask(RUN, **gate)  # type: ignore[arg-type]  # the tests pass what `ask` takes


async def test_pending_gates_are_listed_and_settled_ones_are_not(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world)
        (line,) = (await call(client, "list_pending_approvals"))["output"]["approvals"]
        world.settle(gate, "Approved")
        assert (await call(client, "list_pending_approvals"))["output"]["approvals"] == []
    assert line["request_id"] == GATE
    assert line["run"] == "shop/order-processing-n1"
    assert line["approvals"] == "0/1"
    assert line["requested_by"] == "system:serviceaccount:shop:agent"


async def test_a_gate_is_shown_complete_with_nothing_hidden_in_it(world: World, era: Era):
    source = "echo start\n" * 3000 + "rm -rf \u202e/\u202c\u200b"
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world, subject={"source": source})
        result = await answer_of(client, "get_approval", request_id=GATE)
    assert result.structured_content is not None
    shown = result.structured_content["output"]["subject"]
    assert "\u202e" not in shown
    assert "\\u202e" in shown
    assert json.loads(shown) == {"source": source}
    assert result.structured_content["output"]["digest"] == world.approval(gate).spec.request.digest


async def test_over_stdio_a_person_approves_and_is_told_what(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world)
        answer = await call(client, "approve_workflow", request_id=GATE, comment="looks right")
    request = world.approval(gate)
    (decision,) = request.spec.decisions
    assert (decision.by, decision.client, decision.verdict) == (ME.user, ME.client, "approve")
    assert decision.comment == "looks right"
    assert decision.digest == request.spec.request.digest
    assert answer["status"] == "success"
    assert answer["run"] == "shop/order-processing-n1"
    assert answer["output"]["digest"] == request.spec.request.digest
    assert answer["output"]["verdict"] == "approve"


async def test_a_reject_needs_a_reason(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world)
        assert (await call(client, "reject_workflow", request_id=GATE))["error"] == "INVALID_INPUT"
        assert (await call(client, "reject_workflow", request_id=GATE, reason="  "))["error"] == "INVALID_INPUT"
        assert world.approval(gate).spec.decisions == ()
        answer = await call(client, "reject_workflow", request_id=GATE, reason="too much")
    assert answer["output"]["verdict"] == "reject"
    assert world.approval(gate).spec.decisions[0].comment == "too much"


@pytest.mark.parametrize("tool", ["approve_workflow", "reject_workflow"])
async def test_a_service_account_never_decides(world: World, era: Era, tool: str):
    words = {"approve_workflow": "comment", "reject_workflow": "reason"}
    async with connected(a_server(shared(world), Switchable(AGENT)), era) as client:
        gate = await stopped_at_a_gate(client, world, "execute_shop__order_processing")
        answer = await call(client, tool, request_id=GATE, **{words[tool]: "go"})
    assert answer["error"] == "FORBIDDEN"
    assert "person" in answer["hint"]
    assert world.approval(gate).spec.decisions == ()


async def test_a_service_account_with_a_kubeconfig_over_stdio_does_not_decide_either(world: World, era: Era):
    backend = OwnBackend(world.access(AGENT), "shop")
    async with connected(a_server(backend), era) as client:
        gate = await stopped_at_a_gate(client, world)
        assert (await call(client, "approve_workflow", request_id=GATE, comment="go"))["error"] == "FORBIDDEN"
    assert world.approval(gate).spec.decisions == ()


async def test_a_person_through_an_unproved_client_does_not_decide(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(Actor("oidc:ann"))), era) as client:
        gate = await stopped_at_a_gate(client, world, "execute_shop__order_processing")
        assert (await call(client, "approve_workflow", request_id=GATE, comment="go"))["error"] == "FORBIDDEN"
    assert world.approval(gate).spec.decisions == ()


async def test_a_person_through_a_proved_client_decides_as_that_person(world: World, era: Era):
    async with connected(a_server(shared(world), Switchable(ANN)), era) as client:
        gate = await stopped_at_a_gate(client, world, "execute_shop__order_processing")
        await call(client, "approve_workflow", request_id=GATE, comment="go")
    (decision,) = world.approval(gate).spec.decisions
    assert (decision.by, decision.client) == (ANN.user, ANN.client)


async def test_a_gate_whose_digest_is_not_that_of_its_content_is_not_decided_on(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world)
        world.forge(gate, subject='{"source":"harmless"}')
        assert (await call(client, "get_approval", request_id=GATE))["error"] == "NOT_POSSIBLE"
        assert (await call(client, "approve_workflow", request_id=GATE, comment="ok"))["error"] == "NOT_POSSIBLE"
    assert world.approval(gate).spec.decisions == ()


async def test_a_gate_too_long_to_be_shown_is_not_decided_on_here(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world, subject={"source": "\u200b" * 130_000})
        answer = await call(client, "approve_workflow", request_id=GATE, comment="ok")
    assert answer["error"] == "NOT_POSSIBLE"
    assert "penstock" in answer["hint"]
    assert world.approval(gate).spec.decisions == ()


async def test_a_gate_of_the_largest_size_reaches_clients_of_both_eras(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        await stopped_at_a_gate(client, world, subject={"source": 'echo "x"\n' * 40_000})
        answer = await call(client, "get_approval", request_id=GATE)
    assert len(answer["output"]["subject"]) > 450_000


async def test_an_answered_gate_is_not_answered_again(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        gate = await stopped_at_a_gate(client, world)
        world.settle(gate, "Expired")
        answer = await call(client, "approve_workflow", request_id=GATE, comment="ok")
    assert answer["error"] == "NOT_POSSIBLE"
    assert "Expired" in answer["message"]


async def test_an_unknown_gate_is_not_found(world: World, era: Era):
    async with connected(a_server(own(world)), era) as client:
        assert (await call(client, "approve_workflow", request_id="shop/x", comment=""))["error"] == "NOT_FOUND"
