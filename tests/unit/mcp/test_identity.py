from __future__ import annotations

from typing import Any

import pytest
from fastmcp.server.auth import AccessToken

from penstock.errors import Forbidden
from penstock.ports.access import Actor
from penstock_mcp.identity import (
    GROUPS,
    PROVED_BY,
    TOKEN_REVIEW,
    IdentityRules,
    TokenIdentities,
    identify,
    is_machine,
)

RULES = IdentityRules(frozenset({"devs", "leads", "system:masters"}), frozenset({"penstock-system"}))


def a_token(user: str | None, *, proved: bool = True, groups: Any = (), client: str = "") -> AccessToken:
    claims = {GROUPS: list(groups), **({PROVED_BY: TOKEN_REVIEW} if proved else {})}
    return AccessToken(token="x", client_id=client, scopes=[], subject=user, claims=claims)


def test_a_service_account_passes_as_itself_alone():
    groups = ["system:serviceaccounts", "devs"]
    token = a_token("system:serviceaccount:shop:agent", groups=groups, client="claims-to-be")
    assert identify(token, RULES) == Actor("system:serviceaccount:shop:agent", "sa:shop:agent", ())


def test_a_person_passes_with_the_groups_that_are_allowed():
    token = a_token("oidc:ann@example.com", groups=["leads", "devs", "admins", "system:masters"], client="web")
    assert identify(token, RULES) == Actor("oidc:ann@example.com", "web", ("devs", "leads"))


def test_ten_thousand_groups_are_no_trouble():
    token = a_token("ann", groups=[f"g{number}" for number in range(10_000)] + ["devs"])
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
        None,
        " ann",
        "ann ",
        "ann\r\nImpersonate-Group: system:masters",
        "a\x00b",
        "ann\u202e",
        "än",
        "x" * 254,
    ],
)
def test_names_that_may_not_pass(user: str | None):
    with pytest.raises(Forbidden):
        identify(a_token(user), RULES)


def test_a_service_account_that_only_says_so_does_not_pass():
    with pytest.raises(Forbidden):
        identify(a_token("system:serviceaccount:shop:agent", proved=False), RULES)


def test_a_client_with_a_line_break_does_not_pass():
    with pytest.raises(Forbidden):
        identify(a_token("ann", client="web\r\nX: y"), RULES)


def test_no_token_is_no_identity():
    with pytest.raises(Forbidden):
        TokenIdentities(RULES, lambda: None).current()


@pytest.mark.parametrize(
    ("user", "want"), [("system:serviceaccount:a:b", True), ("apikey:k1", True), ("oidc:ann", False), ("ann", False)]
)
def test_machines_are_told_from_people(user: str, want: bool):
    assert is_machine(Actor(user)) is want
