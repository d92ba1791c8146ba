"""Two who approve and one who rejects, at the same moment, a hundred times: none is lost, the gate ends once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from penstock.adapters.kube.access import KubeApprovals
from penstock.adapters.kube.client import KubeClient
from penstock.api.v1alpha1.approval import Decision
from penstock.api.v1alpha1.workflow import ApprovalStep, Approvers, Step
from penstock.errors import NotPossible
from penstock.ports.access import Actor, Key
from penstock.testing.builders import a_step, a_workflow
from tests.integration.kube.api_server import ApiServer
from tests.integration.kube.kubelet import Kubelet, Order
from tests.integration.kube.operators import operating
from tests.integration.kube.stage import ask, finished, status
from tests.support.eventually import eventually

pytestmark = pytest.mark.timeout(300)

ROUNDS = 100
VOTES = (("alice", "approve"), ("dan", "approve"), ("carol", "reject"))
BOTH = ApprovalStep(approvers=Approvers(users=tuple(name for name, _ in VOTES)), quorum=2)
GATED = a_workflow(Step(name="release", approval=BOTH), a_step("last", needs=("release",)))


async def test_each_counts_once_and_the_gate_ends_once(server: ApiServer, kubelet: Kubelet, client: KubeClient):
    kubelet.orders["last"] = Order(output=1)
    settled: list[tuple[str, str]] = []

    def seen(_kind: str, plural: str, found: dict[str, Any]) -> None:
        phase = found.get("status", {}).get("phase", "Pending")
        if plural == "approvalrequests" and phase != "Pending":
            settled.append((found["metadata"]["name"], phase))

    server.on_commit.append(seen)
    async with operating(server):
        for number in range(ROUNDS):
            await _round(server, client, f"order-{number}")
    ends = Counter(name for name, _ in set(settled))
    assert len(ends) == ROUNDS
    assert set(ends.values()) == {1}


async def _round(server: ApiServer, client: KubeClient, run: str) -> None:
    """A run, three votes, and whether the end fits them."""
    ask(server, GATED, run)
    await eventually(lambda: _gate(server, run) and status(server, run).get("phase") == "Waiting")
    key = Key("default", _gate(server, run))
    digest = server.get("approvalrequests", key.name)["spec"]["request"]["digest"]
    taken = await asyncio.gather(*(_vote(client, key, name, verdict, digest) for name, verdict in VOTES))
    await eventually(lambda: finished(server, run))
    request = server.get("approvalrequests", key.name)
    kept = sorted((vote["by"], vote["verdict"]) for vote in request["spec"]["decisions"])
    assert kept == sorted(vote for vote, there in zip(VOTES, taken, strict=True) if there)
    outcome = request["status"]["phase"]
    # Whichever came first and was seen: two who approve, or one who rejects.
    assert outcome in ("Approved", "Rejected")
    assert outcome == "Approved" or ("carol", "reject") in kept
    assert outcome == "Rejected" or [verdict for _, verdict in kept].count("approve") == 2
    assert status(server, run)["phase"] == ("Succeeded" if outcome == "Approved" else "Failed")


async def _vote(client: KubeClient, key: Key, name: str, verdict: str, digest: str) -> bool:
    """The vote is there; False where the gate had ended by then."""
    decision = Decision(by=name, verdict=verdict, comment="at once", digest=digest)
    try:
        await KubeApprovals(client.acting_as(Actor(name))).decide(key, decision)
    except NotPossible:
        return False
    return True


def _gate(server: ApiServer, run: str) -> str:
    """The request of this run; empty where there is none yet."""
    found = (
        name
        for name in server.names("approvalrequests")
        if server.get("approvalrequests", name)["spec"]["request"]["run"]["name"] == run
    )
    return next(found, "")
