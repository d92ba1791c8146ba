"""Deciding."""

from __future__ import annotations

import pytest

from penstock.application.answer_approval import answer_approval
from penstock.application.plans import PlanBook
from penstock.application.reconcile_run import Reconciler
from penstock.engine.facts import Verdict
from penstock.errors import Forbidden, InvalidInput, NotPossible, UserError
from penstock.ports.access import Key
from penstock.testing.builders import a_gate, a_run, a_workflow
from penstock.testing.memory_world import MemoryWorld


@pytest.fixture
async def world():
    world = MemoryWorld()
    access = world.access("bob", client="agent-7")
    await access.workflows.apply(a_workflow(a_gate("release")))
    await access.runs.create(a_run())
    world.reconciler = Reconciler(world.engine(), PlanBook({}, lambda text: None))
    await world.reconciler.reconcile(Key("default", "order-1"))
    world.key = Key("default", world.approvals.all()[0].metadata.name)
    return world


async def test_a_decision_carries_the_digest_of_what_was_asked(world):
    request = await answer_approval(world.access("alice"), world.key, Verdict.APPROVE, "fine")
    (decision,) = request.spec.decisions
    assert (decision.by, decision.verdict, decision.digest) == ("alice", "approve", request.spec.request.digest)


async def test_nobody_decides_on_something_else_than_he_saw(world):
    with pytest.raises(InvalidInput, match="sha256:other"):
        await answer_approval(world.access("alice"), world.key, Verdict.APPROVE, digest="sha256:other")


async def test_a_rejection_says_why(world):
    with pytest.raises(InvalidInput, match="reason"):
        await answer_approval(world.access("alice"), world.key, Verdict.REJECT, " ")


@pytest.mark.parametrize("user", ["mallory", "bob"])
async def test_neither_strangers_nor_the_requester_decide(world, user):
    with pytest.raises((Forbidden, UserError)):
        await answer_approval(world.access(user), world.key, Verdict.APPROVE)
    assert world.approvals.get(world.key).spec.decisions == ()


async def test_what_is_settled_stays_settled(world):
    await answer_approval(world.access("alice"), world.key, Verdict.REJECT, "no")
    await world.reconciler.reconcile(Key("default", "order-1"))
    with pytest.raises(NotPossible, match="Rejected"):
        await answer_approval(world.access("alice"), world.key, Verdict.APPROVE)


async def test_a_second_word_of_the_same_person_is_too_late_not_forbidden(world):
    await answer_approval(world.access("alice"), world.key, Verdict.APPROVE)
    with pytest.raises(NotPossible, match="alice has decided"):
        await answer_approval(world.access("alice"), world.key, Verdict.REJECT, "changed my mind")
    assert len(world.approvals.get(world.key).spec.decisions) == 1
