from __future__ import annotations

import pytest

from penstock_mcp.signin.freshness import Freshness
from penstock_mcp.signin.proof import Proof, ProvedBy, as_token, proof_of

NOW = 1_700_000_000


@pytest.mark.parametrize(
    ("signed_in_at", "allowed"),
    [
        (NOW, True),
        (NOW - 300, True),
        (NOW - 331, False),
        (NOW + 20, True),
        (NOW + 31, False),
        (0, False),
        (None, False),
    ],
)
def test_a_sign_in_is_good_for_votes_for_a_while(signed_in_at: int | None, allowed: bool):
    proof = Proof(ProvedBy.OPENID, "ann", person=True, signed_in_at=signed_in_at)
    assert Freshness(300, lambda: NOW).allows(proof) is allowed


def test_where_nobody_asks_for_it_any_sign_in_will_do():
    assert Freshness().allows(Proof(ProvedBy.OPENID, "ann"))


def test_when_somebody_signed_in_survives_the_way_through_the_framework():
    proof = Proof(ProvedBy.OPENID, "ann", person=True, signed_in_at=NOW)
    assert proof_of(as_token(proof, "a.b.c")) == proof
