"""What is particular to gates with one person: he decides in everybody's place, and not too late."""

from __future__ import annotations

from datetime import timedelta

import pytest

from penstock.adapters.local.backend import LocalBackend
from penstock.api.v1alpha1.approval import Decision
from penstock.engine.commands import AskGate, SettleGate
from penstock.engine.model import Gate
from penstock.errors import Conflict, Forbidden, NotPossible
from penstock.ports.access import Key
from penstock.testing.builders import a_spec
from tests.integration.local.attempts import a_new_run
from tests.integration.local.conftest import Machine

KEY = Key("default", "order-1-release-0123456789")
VOTE = Decision(by="alice", verdict="approve", digest="sha256:what")


@pytest.fixture
def backend(machine: Machine) -> LocalBackend:
    return machine.open()


@pytest.fixture
async def asked(machine: Machine, backend: LocalBackend) -> AskGate:
    run = await a_new_run(backend)
    command = AskGate(
        step="release",
        attempt=1,
        name=KEY.name,
        digest="sha256:what",
        gate=Gate(users=("lead@example.com",), groups=("leads",)),
        message="Release?",
        expires_at=machine.clock.now() + timedelta(hours=1),
        subject={"steps": list(a_spec().steps[0].to_wire())},
    )
    await backend.gates.ask(run, command)
    return command


async def test_the_person_at_this_machine_decides_in_place_of_those_who_are_listed(
    backend: LocalBackend, asked: AskGate
):
    request = await backend.access.approvals.decide(KEY, VOTE)

    assert [(vote.by, vote.client, vote.verdict) for vote in request.spec.decisions] == [("alice", "local", "approve")]


@pytest.mark.parametrize(("outcome", "said"), [("Approved", True), ("Expired", False)])
async def test_the_record_says_that_the_requester_himself_approved(
    backend: LocalBackend, asked: AskGate, outcome: str, *, said: bool
):
    run = await backend.access.runs.get(Key("default", "order-1"))
    await backend.access.approvals.decide(KEY, VOTE)

    await backend.gates.settle(run, SettleGate(KEY.name, outcome, "by alice"))

    reason = (await backend.access.approvals.get(KEY)).status.reason or ""
    assert ("selfApproved" in reason) is said


async def test_there_is_nobody_to_bypass(backend: LocalBackend, asked: AskGate):
    with pytest.raises(Forbidden, match="approve instead"):
        await backend.access.approvals.decide(KEY, VOTE.model_copy(update={"verdict": "bypass"}))


async def test_nobody_decides_after_the_end(machine: Machine, backend: LocalBackend, asked: AskGate):
    machine.clock.advance(timedelta(hours=1))
    with pytest.raises(NotPossible, match="expired"):
        await backend.access.approvals.decide(KEY, VOTE)

    run = await backend.access.runs.get(Key("default", "order-1"))
    await backend.gates.settle(run, SettleGate(KEY.name, "Expired", "nobody decided in time"))
    with pytest.raises(NotPossible, match="Expired"):
        await backend.access.approvals.decide(KEY, VOTE)


async def test_a_question_of_another_run_is_not_taken_for_ones_own(backend: LocalBackend, asked: AskGate):
    other = await a_new_run(backend, "order-2")

    with pytest.raises(Conflict, match="another run"):
        await backend.gates.ask(other, asked)
