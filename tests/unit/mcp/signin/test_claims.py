from __future__ import annotations

from typing import Any

import pytest

from penstock_mcp.signin.claims import ClaimMapping, ClaimsRefused, client_of, is_person, scopes_of

ISSUER = "https://idp.example.com"


@pytest.mark.parametrize(
    ("settings", "claims", "want"),
    [
        # What kube-apiserver makes of the same flags and claims.
        ({}, {"sub": "u-1"}, f"{ISSUER}#u-1"),
        ({"username_prefix": "oidc:"}, {"sub": "u-1"}, "oidc:u-1"),
        ({"username_prefix": "-"}, {"sub": "u-1"}, "u-1"),
        ({"username_claim": "email"}, {"email": "ann@example.com"}, "ann@example.com"),
        ({"username_claim": "email"}, {"email": "ann@example.com", "email_verified": True}, "ann@example.com"),
        ({"username_claim": "email", "username_prefix": "oidc:"}, {"email": "a@b.c"}, "oidc:a@b.c"),
        ({"username_claim": "email", "username_prefix": "-"}, {"email": "a@b.c"}, "a@b.c"),
        ({"username_claim": "upn"}, {"upn": "ann"}, f"{ISSUER}#ann"),
    ],
)
def test_names_are_those_that_the_api_server_gives(settings: dict[str, str], claims: dict[str, Any], want: str):
    assert ClaimMapping(ISSUER, **settings).username(claims) == want


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("sub", {}),
        ("sub", {"sub": ""}),
        ("sub", {"sub": 7}),
        ("sub", {"sub": ["u-1"]}),
        ("email", {"email": "lead@example.com", "email_verified": False}),
        ("email", {"email": "lead@example.com", "email_verified": "true"}),
    ],
)
def test_claims_that_name_nobody(claim: str, claims: dict[str, Any]):
    with pytest.raises(ClaimsRefused):
        ClaimMapping(ISSUER, username_claim=claim).username(claims)


@pytest.mark.parametrize(
    ("prefix", "found", "want"),
    [
        ("", ["a", "b"], ("a", "b")),
        ("oidc:", ["a"], ("oidc:a",)),
        ("oidc:", "a", ("oidc:a",)),
        ("", None, ()),
        ("", [], ()),
    ],
)
def test_groups_are_prefixed(prefix: str, found: Any, want: tuple[str, ...]):
    mapping = ClaimMapping(ISSUER, groups_claim="groups", groups_prefix=prefix)
    assert mapping.groups({"groups": found}) == want


@pytest.mark.parametrize("found", [7, {"a": 1}, ["a", 7], [["a"]]])
def test_groups_that_are_no_names_are_refused(found: Any):
    with pytest.raises(ClaimsRefused):
        ClaimMapping(ISSUER, groups_claim="groups").groups({"groups": found})


def test_without_a_claim_for_them_there_are_no_groups():
    assert ClaimMapping(ISSUER).groups({"groups": ["devs"]}) == ()


@pytest.mark.parametrize(
    ("claims", "want"),
    [
        ({"client_id": "web"}, "web"),
        ({"azp": "web"}, "web"),
        ({"client_id": "web", "azp": "web"}, "web"),
        ({}, ""),
        ({"client_name": "Web", "clientId": "web"}, ""),
        ({"client_id": ["web"]}, ""),
    ],
)
def test_the_client_is_the_one_that_the_token_was_issued_to(claims: dict[str, Any], want: str):
    assert client_of(claims) == want


def test_two_clients_are_none():
    with pytest.raises(ClaimsRefused):
        client_of({"client_id": "web", "azp": "other"})


@pytest.mark.parametrize(
    ("claims", "want"),
    [
        ({"scope": "a b"}, ("a", "b")),
        ({"scp": "a b"}, ("a", "b")),
        ({"scp": ["a", "b"]}, ("a", "b")),
        ({"scope": ""}, ()),
        ({}, ()),
        ({"scope": {"a": 1}}, ()),
        ({"scope": ["a", 7]}, ("a",)),
    ],
)
def test_scopes_in_the_ways_that_providers_write_them(claims: dict[str, Any], want: tuple[str, ...]):
    assert scopes_of(claims) == want


@pytest.mark.parametrize(
    ("claims", "want"),
    [
        ({"sub": "u-1"}, True),
        ({"sub": "web"}, False),
        ({"sub": "web@clients"}, False),
        ({"sub": "u-1", "gty": "client-credentials"}, False),
        ({"sub": "u-1", "idtyp": "app"}, False),
        ({"sub": "u-1", "preferred_username": "service-account-web"}, False),
        ({"sub": "u-1", "act": {"sub": "agent"}}, False),
    ],
)
def test_programs_and_those_who_act_for_people_are_no_people(claims: dict[str, Any], want: bool):
    assert is_person(claims, "web") is want
