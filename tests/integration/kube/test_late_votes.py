"""Votes around the moment at which a gate lapses, also while no operator works: by the time of the server alone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.api.v1alpha1.workflow import ApprovalStep, Approvers, Step
from penstock.testing.builders import a_step, a_workflow
from penstock.testing.clock import FakeClock
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

SECOND = timedelta(seconds=1)
PEOPLE = ("alice", "dan")


@pytest.fixture
def clock(server: ApiServer) -> FakeClock:
    server.clock = FakeClock()
    return server.clock


def request(server: ApiServer) -> dict[str, Any]:
    (name,) = server.names("approvalrequests")
    return server.get("approvalrequests", name)


def vote(server: ApiServer, by: str) -> None:
    found = request(server)
    digest = found["spec"]["request"]["digest"]
    votes = [*found["spec"].get("decisions", ()), {"by": by, "verdict": "approve", "digest": digest}]
    server.put("approvalrequests", {**found, "spec": {**found["spec"], "decisions": votes}})


async def asked(server: ApiServer) -> datetime:
    """A run waits at its gate, and the operator is gone; when the gate lapses."""
    both = ApprovalStep(approvers=Approvers(users=PEOPLE), quorum=2)
    gated = a_workflow(Step(name="release", approval=both), a_step("last", needs=("release",)))
    async with operating(server):
        ask(server, gated)
        await eventually(lambda: server.names("approvalrequests") and status(server).get("phase") == "Waiting")
    return datetime.fromisoformat(request(server)["spec"]["request"]["expiresAt"])


async def test_votes_that_an_operator_finds_in_time_count(server: ApiServer, kubelet: Kubelet, clock: FakeClock):
    kubelet.orders["last"] = Order(output=1)
    lapses = await asked(server)
    clock.advance(lapses - clock.now() - SECOND)
    for person in PEOPLE:
        vote(server, person)
    async with operating(server):
        await eventually(lambda: finished(server))
    assert status(server)["phase"] == "Succeeded"


@pytest.mark.parametrize("before", [0, 1, 2], ids=lambda number: f"{number} of them in time")
async def test_what_an_operator_finds_after_the_end_revives_nothing(
    server: ApiServer, kubelet: Kubelet, clock: FakeClock, before: int
):
    """The operator was away when it lapsed: even votes that were in time were not seen by anybody then."""
    lapses = await asked(server)
    clock.advance(lapses - clock.now() - SECOND)
    for person in PEOPLE[:before]:
        vote(server, person)
    clock.advance(2 * SECOND)
    for person in PEOPLE[before:]:
        vote(server, person)
    settled: list[str] = []
    server.on_commit.append(
        lambda _kind, plural, found: (
            settled.append(found.get("status", {}).get("phase", "")) if plural == "approvalrequests" else None
        )
    )
    async with operating(server):
        await eventually(lambda: finished(server))
        await eventually(lambda: request(server).get("status", {}).get("phase"))
    assert (status(server)["phase"], status(server)["error"]["code"]) == ("Failed", "APPROVAL_EXPIRED")
    assert settled[0] == "Expired"
    assert set(settled) == {"Expired"}
    assert server.names("jobs") == []
