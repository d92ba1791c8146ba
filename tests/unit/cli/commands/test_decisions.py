"""approve, reject."""

from __future__ import annotations

import pytest

from tests.unit.cli.samples import an_approval
from tests.unit.cli.stage import World

GATE = "default/order-1-release-0"


@pytest.fixture
def world():
    world = World()
    world.approvals.put(an_approval())
    return world


def votes(world):
    [request] = world.approvals.items.values()
    return [
        (vote.by, vote.verdict, vote.comment, vote.digest == request.spec.request.digest)
        for vote in request.spec.decisions
    ]


def test_approving_is_one_vote_for_the_digest_that_is_asked_about(world):
    assert world.penstock("approve", GATE, "--comment", "fine") == 0
    assert votes(world) == [("bob", "approve", "fine", True)]
    assert "Approved step release of run order-1" in world.terminal.said


def test_rejecting_needs_a_reason(world):
    assert world.penstock("reject", GATE) == 2
    assert world.penstock("reject", GATE, "--reason", " ") == 2
    assert votes(world) == []
    assert world.penstock("reject", GATE, "--reason", "too much") == 0
    assert votes(world) == [("bob", "reject", "too much", True)]


def test_passing_a_gate_without_being_an_approver_is_told_apart(world):
    assert world.penstock("approve", GATE, "--bypass", "the house is on fire") == 0
    assert votes(world) == [("bob", "bypass", "the house is on fire", True)]
    assert "Bypassed the gate before step release" in world.terminal.said


def test_a_pinned_digest_that_is_stale_is_refused(world):
    assert world.penstock("approve", GATE, "--digest", "sha256:other") == 2
    assert votes(world) == []


def test_what_is_settled_cannot_be_decided_again(world):
    world.approvals.put(an_approval(phase="Rejected"))
    assert world.penstock("approve", GATE) == 1
    assert "is Rejected already" in world.terminal.said


def test_the_guards_own_words_reach_the_person(world):
    world.approvals.refuse = "bob asked for this run and may not approve it"
    assert world.penstock("approve", GATE) == 1
    assert world.terminal.said == "error: bob asked for this run and may not approve it\n"
