from __future__ import annotations

from typing import Any

import pytest

from penstock.errors import Forbidden
from penstock.ports.access import Actor
from penstock_mcp.identity import IdentityRules, TokenIdentities, identify, is_machine
from penstock_mcp.signin.proof import Proof, ProvedBy, as_token, proof_of

RULES = IdentityRules(frozenset({"devs", "leads", "system:masters"}), frozenset({"penstock-system"}))


def a_proof(user: str, *, by: ProvedBy = ProvedBy.TOKEN_REVIEW, groups: Any = (), client: str = "") -> Proof:
    return Proof(by, user, client, tuple(groups))


def test_a_service_account_passes_as_itself_alone():
    groups = ["system:serviceaccounts", "devs"]
    token = a_proof("system:serviceaccount:shop:agent", groups=groups, client="claims-to-be")
    assert identify(token, RULES) == Actor("system:serviceaccount:shop:agent", "sa:shop:agent", ())


def test_a_person_passes_with_the_groups_that_are_allowed():
    token = a_proof("oidc:ann@example.com", groups=["leads", "devs", "admins", "system:masters"], client="web")
    assert identify(token, RULES) == Actor("oidc:ann@example.com", "web", ("devs", "leads"))


def test_ten_thousand_groups_are_no_trouble():
    token = a_proof("ann", groups=[f"g{number}" for number in range(10_000)] + ["devs"])
    assert identify(token, RULES).groups == ("devs",)


@pytest.mark.parametrize(
    "user",
    [
        "system:admin",
        "system:masters",
        "system:node:n1",
        "system:serviceaccount:x",
        "system:serviceaccount:x:y:z",
        "system:serviceaccount::y",
        "system:serviceaccount:X:y",
        "system:serviceaccount:shop:agent\n",
        "system:serviceaccount:penstock-system:penstock-operator",
        "",
        " ann",
        "apikey:k1",
        "ann ",
        "ann\r\nImpersonate-Group: system:masters",
        "a\x00b",
        "ann\u202e",
        "än",
        "x" * 254,
    ],
)
def test_names_that_may_not_pass(user: str):
    with pytest.raises(Forbidden):
        identify(a_proof(user), RULES)


def test_a_service_account_that_only_says_so_does_not_pass():
    for by in (ProvedBy.OPENID, ProvedBy.API_KEY):
        with pytest.raises(Forbidden):
            identify(a_proof("system:serviceaccount:shop:agent", by=by), RULES)


@pytest.mark.parametrize("client", ["apikey:k1", "sa:shop:agent"])
def test_a_providers_client_cannot_be_called_as_programs_of_the_cluster_are(client: str):
    with pytest.raises(Forbidden):
        identify(a_proof("oidc:ann", by=ProvedBy.OPENID, client=client), RULES)


def test_an_api_key_acts_as_its_owner_through_a_client_of_its_own():
    proof = a_proof("robot:ci", by=ProvedBy.API_KEY, client="apikey:k1", groups=["devs", "admins"])
    assert identify(proof, RULES) == Actor("robot:ci", "apikey:k1", ("devs",))


def test_a_client_with_a_line_break_does_not_pass():
    with pytest.raises(Forbidden):
        identify(a_proof("ann", client="web\r\nX: y"), RULES)


def test_no_token_is_no_identity():
    with pytest.raises(Forbidden):
        TokenIdentities(RULES, lambda: None).current()


def test_what_a_token_claims_is_no_proof():
    token = as_token(a_proof("oidc:ann"), "secret")
    assert proof_of(token) is not None
    forged = token.model_copy(update={"claims": {"proved-by": "OpenID", "sub": "root"}})
    assert proof_of(forged) is None
    with pytest.raises(Forbidden):
        TokenIdentities(RULES, lambda: forged).may("runs:read")


def test_a_proof_survives_its_way_through_the_framework_and_the_credential_does_not():
    proof = Proof(ProvedBy.OPENID, "oidc:ann", "web", ("devs",), ("runs:read",), person=True, expires_at=7)
    token = as_token(proof, "the-secret-itself")
    assert proof_of(token) == proof
    assert "the-secret-itself" not in token.model_dump_json()


@pytest.mark.parametrize(
    ("user", "want"), [("system:serviceaccount:a:b", True), ("apikey:k1", True), ("oidc:ann", False), ("ann", False)]
)
def test_machines_are_told_from_people(user: str, want: bool):
    assert is_machine(Actor(user)) is want


def test_whoever_an_api_key_acts_as_it_is_a_program():
    assert is_machine(Actor("ann", "apikey:k1"))
