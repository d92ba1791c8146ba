"""The person in the chat is asked, where their client can ask, before a vote is passed on in their name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastmcp.client.elicitation import ElicitResult

from penstock.api.v1alpha1.run import RequestedBy
from penstock.ports.access import Actor, Key
from penstock_mcp.asking import MAX_SHOWN
from penstock_mcp.backend import OwnBackend
from tests.support.mcp_client import AGENT, ANN, Era, Switchable, a_server, call, connected, own, shared
from tests.support.memory_access import World, a_workflow

RUN = Key("shop", "order-processing-n1")
GATE = "shop/order-processing-n1-release-gate"
CONTEXT = {"customer_id": "CUST-1"}
LEAD = Actor("lead@example.com", "chat")


class Person:
    """Answers forms."""

    def __init__(self, action: Any = "accept", **content: Any) -> None:
        self.asked: list[str] = []
        self.forms: list[Any] = []
        self._answer = ElicitResult(action=action, content=content or None)

    async def __call__(self, message: str, response_type: Any, params: Any, context: Any) -> Any:
        self.asked.append(message)
        self.forms.append(params)
        return self._answer


@pytest.fixture
def world() -> World:
    return World(a_workflow())


async def at_a_gate(world: World, **gate: Any) -> Key:
    """A run of the agent's that stops at a gate."""
    agent = Switchable(AGENT)
    async with connected(a_server(shared(world), agent), "auto") as client:
        await call(client, "execute_shop__order_processing", context=CONTEXT, wait=False)
    return world.ask(RUN, **gate)


def of_lead(world: World) -> OwnBackend:
    """The lead over stdio with a kubeconfig of their own: another user through another client."""
    return OwnBackend(world.access(Actor("lead@example.com")), "shop")


async def test_the_persons_own_word_counts_and_not_the_models(world: World, era: Era):
    gate = await at_a_gate(world)
    person = Person(decision="reject", comment="not on a Friday")
    async with connected(a_server(of_lead(world)), era, elicitation_handler=person) as client:
        answer = await call(client, "approve_workflow", request_id=GATE, comment="the model says yes")
    assert answer["output"]["verdict"] == "reject"
    (decision,) = world.approval(gate).spec.decisions
    assert (decision.by, decision.verdict, decision.comment) == ("lead@example.com", "reject", "not on a Friday")


async def test_the_question_shows_who_asks_for_what_and_exactly_what_will_run(world: World, era: Era):
    gate = await at_a_gate(world, message="Ship it\u202e?", subject={"source": "rm -rf \u200b/"})
    person = Person(decision="approve")
    async with connected(a_server(of_lead(world)), era, elicitation_handler=person) as client:
        await call(client, "approve_workflow", request_id=GATE)
    (question,) = person.asked
    request = world.approval(gate).spec.request
    assert request.digest in question
    assert "system:serviceaccount:shop:agent asks" in question
    assert "Ship it?" in question
    assert "\\u200b" in question
    assert "\u200b" not in question
    assert "\u202e" not in question
    assert json.loads(question.rpartition("\n")[2]) == {"source": "rm -rf \u200b/"}


async def test_content_too_long_for_a_question_is_not_shown_in_part(world: World, era: Era):
    await at_a_gate(world, subject={"source": "echo harmless\n" * MAX_SHOWN + "rm -rf /"})
    person = Person(decision="approve")
    async with connected(a_server(of_lead(world)), era, elicitation_handler=person) as client:
        await call(client, "approve_workflow", request_id=GATE)
    assert "harmless" not in person.asked[0]
    assert f"penstock get approval {GATE}" in person.asked[0]


NO_WORD = {
    "decline": Person("decline"),
    "cancel": Person("cancel"),
    "nothing filled in": Person("accept"),
    "bypass": Person("accept", decision="bypass"),
    "another word": Person("accept", decision="yes"),
}


@pytest.mark.parametrize("answer", NO_WORD.values(), ids=NO_WORD)
async def test_no_clear_word_is_no_vote(world: World, era: Era, answer: Person):
    gate = await at_a_gate(world)
    async with connected(a_server(of_lead(world)), era, elicitation_handler=answer) as client:
        said = await call(client, "approve_workflow", request_id=GATE, comment="yes")
    assert said["status"] == "error"
    assert world.approval(gate).spec.decisions == ()


async def test_a_client_that_cannot_ask_uses_the_tools_own_words(world: World, era: Era):
    gate = await at_a_gate(world)
    async with connected(a_server(of_lead(world)), era) as client:
        answer = await call(client, "approve_workflow", request_id=GATE, comment="looks right")
    assert answer["output"]["verdict"] == "approve"
    assert world.approval(gate).spec.decisions[0].comment == "looks right"


Barred = Callable[[World], Any]
BARRED: dict[str, Barred] = {
    "the client that asked, used by somebody else": lambda world: Switchable(Actor("lead@example.com", AGENT.client)),
    "an API key": lambda world: Switchable(Actor("lead@example.com", "apikey:k1")),
    "no client": lambda world: Switchable(Actor("lead@example.com")),
}


@pytest.mark.parametrize("who", BARRED)
async def test_whoever_may_not_decide_is_told_why_and_not_asked(world: World, era: Era, who: str):
    gate = await at_a_gate(world)
    person = Person(decision="approve")
    server = a_server(shared(world), BARRED[who](world))
    async with connected(server, era, elicitation_handler=person) as client:
        answer = await call(client, "approve_workflow", request_id=GATE, comment="go")
    assert answer["error"] == "FORBIDDEN"
    assert answer["hint"]
    assert person.asked == []
    assert world.approval(gate).spec.decisions == ()


async def test_who_asked_for_the_run_is_not_asked_through_another_client_either(world: World, era: Era):
    gate = await at_a_gate(world)
    world.forge(gate, requested_by=RequestedBy(user=LEAD.user, client="agent"))
    person = Person(decision="approve")
    async with connected(a_server(shared(world), Switchable(LEAD)), era, elicitation_handler=person) as client:
        answer = await call(client, "approve_workflow", request_id=GATE, comment="go")
    assert f"{LEAD.user} asked for this run" in answer["message"]
    assert person.asked == []


async def test_a_token_of_a_program_or_without_the_scope_is_not_asked(world: World, era: Era):
    await at_a_gate(world)
    person, someone = Person(decision="approve"), Switchable(ANN)
    async with connected(a_server(shared(world), someone), era, elicitation_handler=person) as client:
        someone.signed_in = False
        assert "program" in (await call(client, "approve_workflow", request_id=GATE))["message"]
        someone.signed_in = True
        someone.scopes -= {"approvals:decide"}
        assert "approvals:decide" in (await call(client, "approve_workflow", request_id=GATE))["message"]
    assert person.asked == []


async def test_somebody_who_signed_in_long_ago_is_not_asked(world: World, era: Era):
    await at_a_gate(world)
    person, someone = Person(decision="approve"), Switchable(ANN)
    someone.fresh = False
    async with connected(a_server(shared(world), someone), era, elicitation_handler=person) as client:
        refused = await call(client, "approve_workflow", request_id=GATE)
    assert refused["hint"] == "Sign in again."
    assert person.asked == []


async def test_nobody_is_asked_about_a_gate_that_is_settled(world: World, era: Era):
    gate = await at_a_gate(world)
    world.settle(gate, "Expired")
    person = Person(decision="approve")
    async with connected(a_server(of_lead(world)), era, elicitation_handler=person) as client:
        answer = await call(client, "approve_workflow", request_id=GATE)
    assert "Expired" in answer["message"]
    assert person.asked == []


async def test_on_one_machine_the_one_person_is_not_asked_twice(era: Era):
    world = World(a_workflow(), local=True)
    person = Person(decision="reject", comment="no")
    async with connected(a_server(own(world)), era, elicitation_handler=person) as client:
        await call(client, "execute_order_processing", context=CONTEXT, wait=False)
        world.ask(RUN)
        answer = await call(client, "approve_workflow", request_id=GATE, comment="yes")
    assert answer["output"]["verdict"] == "approve"
    assert person.asked == []
