"""Gates: asked once by the engine, decided once by a person, settled once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.api.v1alpha1.approval import ApprovalRequest, Decision
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.facts import Verdict
from penstock.engine.model import Gate
from penstock.engine.subjects import approval_digest
from penstock.errors import Forbidden, NotFound
from penstock.ports.access import Key
from penstock.testing.builders import a_run, a_workflow
from tests.contract.worlds import World

GATE = "order-1-release-0123456789"
KEY = Key("default", GATE)
SUBJECT = {"run": "order-1", "context": {"total": 700}}
DIGEST = approval_digest(SUBJECT)


@pytest.fixture
async def run(world: World) -> WorkflowRun:
    await world.requester.workflows.apply(a_workflow())
    return await world.requester.runs.create(a_run())


def question(world: World, **fields: Any) -> AskGate:
    asked: dict[str, Any] = {
        "step": "release",
        "attempt": 1,
        "name": GATE,
        "digest": DIGEST,
        "gate": Gate(users=(world.approver_name, "dan"), quorum=1),
        "message": "Release it?",
        "expires_at": datetime(2200, 1, 1, tzinfo=UTC),
        "subject": SUBJECT,
    }
    return AskGate(**{**asked, **fields})


async def vote(world: World, **fields: Any) -> Decision:
    me = await world.approver.caller.whoami()
    given = {"by": me.user, "client": me.client, "verdict": "approve", "comment": "looks right", "digest": DIGEST}
    return Decision(**{**given, **fields})


async def test_a_question_is_there_for_people_to_read(world: World, run: WorkflowRun):
    await world.gates.ask(run, question(world))

    request = (await world.approver.approvals.get(KEY)).spec.request
    assert (request.run.name, request.run.uid) == ("order-1", run.metadata.uid)
    assert (request.step, request.message, request.quorum) == ("release", "Release it?", 1)
    assert request.approvers.users == (world.approver_name, "dan")
    assert request.digest == DIGEST
    assert request.subject == '{"context":{"total":700},"run":"order-1"}'
    assert request.requested_by == run.spec.requested_by


async def test_asking_twice_asks_once(world: World, run: WorkflowRun):
    await world.gates.ask(run, question(world))
    first = await world.approver.approvals.get(KEY)

    await world.gates.ask(run, question(world, message="Something else?"))

    assert await world.approver.approvals.list("default") == (first,)


async def test_a_run_sees_its_own_gates_and_their_votes(world: World, run: WorkflowRun):
    other = await world.requester.runs.create(a_run(name="order-2"))
    await world.gates.ask(run, question(world))
    assert (await world.gates.observe(run))[GATE].decisions == ()

    await world.approver.approvals.decide(KEY, await vote(world))

    fact = (await world.gates.observe(run))[GATE]
    assert fact.digest == DIGEST
    assert [(one.by, one.verdict, one.comment) for one in fact.decisions] == [
        (world.approver_name, Verdict.APPROVE, "looks right")
    ]
    assert await world.gates.observe(other) == {}


async def test_a_decision_is_final(world: World, run: WorkflowRun):
    await world.gates.ask(run, question(world, gate=Gate(users=(world.approver_name,), quorum=2)))
    await world.approver.approvals.decide(KEY, await vote(world))

    with pytest.raises(Forbidden):
        await world.approver.approvals.decide(KEY, await vote(world, verdict="reject"))

    assert len((await world.approver.approvals.get(KEY)).spec.decisions) == 1


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"by": "dan"}, id="in another's name"),
        pytest.param({"client": "elsewhere"}, id="through another's client"),
        pytest.param({"digest": "sha256:" + "0" * 64}, id="on something else"),
    ],
)
async def test_a_vote_is_refused(world: World, run: WorkflowRun, fields: dict[str, str]):
    await world.gates.ask(run, question(world))

    with pytest.raises(Forbidden):
        await world.approver.approvals.decide(KEY, await vote(world, **fields))

    assert (await world.approver.approvals.get(KEY)).spec.decisions == ()


async def test_nobody_decides_on_what_does_not_exist(world: World):
    with pytest.raises(NotFound):
        await world.approver.approvals.decide(KEY, await vote(world))


async def test_a_settled_gate_says_how_it_ended_and_stays_so(world: World, run: WorkflowRun):
    await world.gates.ask(run, question(world))

    await world.gates.settle(run, SettleGate(GATE, "Approved", "by alice"))
    await world.gates.settle(run, SettleGate(GATE, "Approved", "by alice"))
    await world.gates.settle(run, SettleGate("gone", "Expired", "nobody decided in time"))

    status = (await world.approver.approvals.get(KEY)).status
    assert status.phase == "Approved"
    assert "by alice" in (status.reason or "")


async def test_requests_are_listed_oldest_first(world: World, run: WorkflowRun):
    for name in ("c", "a", "b"):
        await world.gates.ask(run, question(world, name=name))

    listed: tuple[ApprovalRequest, ...] = await world.approver.approvals.list(None)

    assert [request.metadata.name for request in listed] == ["c", "a", "b"]
    assert await world.approver.approvals.list("elsewhere") == ()
