from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from penstock.errors import Unavailable
from penstock_mcp.auth import PROVED_SECONDS, REFUSED_SECONDS, TokenReviewVerifier
from penstock_mcp.signin.proof import Proof, ProvedBy, proof_of

AUDIENCE = "penstock-mcp"
USER = "system:serviceaccount:shop:agent"


def a_jwt(audience: Any = AUDIENCE, tail: str = "sig") -> str:
    payload = base64.urlsafe_b64encode(json.dumps({"aud": audience}).encode()).decode().rstrip("=")
    return f"e30.{payload}.{tail}"


class ApiServer:
    """Answers TokenReviews and remembers what it was asked."""

    def __init__(self, **status: Any) -> None:
        user = {"username": USER, "groups": ["system:serviceaccounts"]}
        self.status: dict[str, Any] = {"authenticated": True, "audiences": [AUDIENCE], "user": user, **status}
        self.asked: list[Mapping[str, Any]] = []
        self.away = False

    async def __call__(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(body)
        if self.away:
            raise Unavailable
        return {**body, "status": self.status}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_a_proved_token_gives_its_user():
    api = ApiServer()
    token = await TokenReviewVerifier(AUDIENCE, api, Clock()).verify_token(a_jwt())
    assert token is not None
    assert proof_of(token) == Proof(
        ProvedBy.TOKEN_REVIEW, USER, groups=("system:serviceaccounts",), scopes=("runs:read", "runs:write")
    )
    assert api.asked[0]["spec"] == {"token": a_jwt(), "audiences": [AUDIENCE]}


async def test_the_token_itself_is_not_kept():
    token = await TokenReviewVerifier(AUDIENCE, ApiServer(), Clock()).verify_token(a_jwt(tail="secretpart"))
    assert token is not None
    assert "secretpart" not in token.model_dump_json()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("junk", id="no-token"),
        pytest.param("a.b.c", id="no-json"),
        pytest.param("e30.bnVsbA.x", id="null"),
        pytest.param(a_jwt("https://kubernetes.default.svc"), id="for-the-api-server"),
        pytest.param(a_jwt(["other", "penstock-mcp-2"]), id="for-others"),
        pytest.param(a_jwt(None), id="for-nobody"),
        pytest.param(a_jwt({"penstock-mcp": 1}), id="audience-of-a-wrong-shape"),
        pytest.param(a_jwt(tail="x" * 20_000), id="huge"),
        pytest.param("é.b.c", id="not-ascii"),
        pytest.param("e30." + base64.urlsafe_b64encode(b"[" * 9000).decode() + ".x", id="deep"),
    ],
)
async def test_what_is_not_for_us_is_refused_without_showing_it_to_the_api_server(token: str):
    api = ApiServer()
    assert await TokenReviewVerifier(AUDIENCE, api, Clock()).verify_token(token) is None
    assert api.asked == []


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"authenticated": False}, id="refused"),
        pytest.param({"authenticated": "true"}, id="a-text-is-no-yes"),
        pytest.param({"audiences": ["https://kubernetes.default.svc"]}, id="proved-for-another-audience"),
        pytest.param({"audiences": None}, id="an-authenticator-that-knows-no-audiences"),
        pytest.param({"user": {}}, id="without-a-name"),
    ],
)
async def test_what_the_api_server_does_not_prove_is_refused(status: dict[str, Any]):
    assert await TokenReviewVerifier(AUDIENCE, ApiServer(**status), Clock()).verify_token(a_jwt()) is None


async def test_a_proof_holds_for_seconds_only():
    api, clock = ApiServer(), Clock()
    verifier = TokenReviewVerifier(AUDIENCE, api, clock)
    await verifier.verify_token(a_jwt())
    await verifier.verify_token(a_jwt())
    assert len(api.asked) == 1
    clock.now += PROVED_SECONDS
    api.status["authenticated"] = False
    assert await verifier.verify_token(a_jwt()) is None


async def test_a_refusal_is_remembered_briefly():
    api, clock = ApiServer(authenticated=False), Clock()
    verifier = TokenReviewVerifier(AUDIENCE, api, clock)
    await verifier.verify_token(a_jwt())
    await verifier.verify_token(a_jwt())
    assert len(api.asked) == 1
    clock.now += REFUSED_SECONDS
    api.status["authenticated"] = True
    assert await verifier.verify_token(a_jwt()) is not None


async def test_an_api_server_that_is_away_proves_nothing_and_is_asked_again():
    api = ApiServer()
    api.away = True
    verifier = TokenReviewVerifier(AUDIENCE, api, Clock())
    assert await verifier.verify_token(a_jwt()) is None
    api.away = False
    assert await verifier.verify_token(a_jwt()) is not None
