"""A hundred times, three people vote at the same moment: no vote is lost, doubled or changed, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.chaos.real.api import Desk, way_to
from tests.e2e.guards.conftest import TENANTS, Tenancy
from tests.e2e.guards.test_approvals import a_request, a_vote
from tests.support.cluster import OPERATOR

ROUNDS = 100
CONFLICT = 409
BALLOTS = {"alice": "approve", "dan": "approve", "lee": "reject"}


async def voted(desk: Desk, gate: str, by: str, verdict: str) -> int:
    """How often somebody had to try, as kubectl does where somebody else wrote in the same moment."""
    for tries in range(1, 20):
        answer = await desk.json_patch("approvalrequests", gate, a_vote(by, verdict), by=by)
        if answer.status != CONFLICT:
            assert answer.status == 200, answer.body
            return tries
    raise AssertionError(f"{by} never got a vote in")


async def played(tenancy: Tenancy) -> list[list[dict[str, Any]]]:
    decisions = []
    async with way_to(tenancy.cluster) as way:
        desk = Desk(way, tenancy.namespace, groups=(TENANTS, "leads"))
        for number in range(ROUNDS):
            body = a_request()
            body["metadata"]["name"] = gate = f"gate-{number}"
            made = await desk.create("approvalrequests", body, by=OPERATOR)
            assert made.status == 201, made.body
            await asyncio.gather(*(voted(desk, gate, by, verdict) for by, verdict in BALLOTS.items()))
            decisions.append((await desk.get("approvalrequests", gate))["spec"]["decisions"])
    return decisions


def test_no_vote_is_lost(tenancy: Tenancy) -> None:
    for round_ in asyncio.run(played(tenancy)):
        assert sorted((vote["by"], vote["verdict"]) for vote in round_) == sorted(BALLOTS.items())
