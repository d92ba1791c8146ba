"""Decisions of a client that shares a secret with the server: signed over the request's own bytes, as the docs say."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.integration.mcp.balancing import balanced
from tests.integration.mcp.reviewing_server import ReviewingServer, reviewing
from tests.integration.mcp.serving import Server, modern, server_of
from tests.support.gates import GATE, a_gate
from tests.support.mcp_client import call
from tests.support.openid_provider import Browser, OpenIdProvider, openid_provider, sign_in

pytestmark = pytest.mark.timeout(180, func_only=True)

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "mcp-authentication.md"
PEOPLE = {"lead": {"email": "lead@example.com", "email_verified": True}}
SECRET = b"s" * 32


def documented(name: str) -> Any:
    """A function of the page's example, as a reader would copy it."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    space: dict[str, Any] = {}
    exec(code, space)
    return space[name]


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE, applications=["console", "chat"]) as running:
        yield running


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("approvalrequests", a_gate("ann@example.com", "agent"))
        yield server


@pytest.fixture
async def server(api: ReviewingServer, provider: OpenIdProvider, tmp_path: Path) -> AsyncIterator[Server]:
    async with server_of(api, **_settings(provider, tmp_path)) as running:
        yield running


def _settings(provider: OpenIdProvider, folder: Path) -> dict[str, Any]:
    file = folder / "clients.yaml"
    file.write_text(f"console: [{{kid: k1, secret: {base64.b64encode(SECRET).decode()}}}]\n")
    return {
        "mcp_oauth_issuer": provider.issuer,
        "mcp_oauth_username_claim": "email",
        "mcp_client_secrets_file": str(file),
    }


def votes(api: ReviewingServer) -> list[Any]:
    found: list[Any] = api.get("approvalrequests", "order-1-release", "shop")["spec"]["decisions"]
    return found


class Console:
    """The lead's client that shares a secret, request by request."""

    def __init__(self, server: Server, token: str) -> None:
        self.server = server
        self.token = token

    @classmethod
    async def signed_in(cls, server: Server, provider: OpenIdProvider, application: str = "console") -> Console:
        body, headers = modern("tools/call", "approve_workflow", request_id="shop/none")
        accept = {"Accept": "application/json, text/event-stream", **headers}
        request = httpx2.Request("POST", server.url, json=body, headers=accept)
        return cls(server, await provider.token(server.url, Browser("lead"), application, request))

    async def call(self, tool: str, sign: Any = None, **arguments: Any) -> dict[str, Any]:
        body, headers = modern("tools/call", tool, **arguments)
        raw = json.dumps(body).encode()
        if sign is not None:
            headers["Penstock-Signature"] = sign(raw)
        answer = await self.server.post(raw, self.token, headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["result"]["structuredContent"]
        return found


async def test_a_vote_that_is_signed_as_documented_counts_once(server: Server, provider: OpenIdProvider):
    console = await Console.signed_in(server, provider)
    shown = (await console.call("get_approval", request_id=GATE))["output"]
    sign = documented("signature")
    made: list[str] = []

    def signing(body: bytes) -> str:
        header: str = sign(SECRET, "k1", shown, "approve", body, now=int(time.time()))
        made.append(header)
        return header

    answer = await console.call("approve_workflow", signing, request_id=GATE, comment="checked")
    assert answer["status"] == "success", answer
    assert [(vote["by"], vote["client"], vote["verdict"]) for vote in votes(server.api)] == [
        ("lead@example.com", "console", "approve")
    ]
    again = await console.call("approve_workflow", lambda body: made[0], request_id=GATE, comment="checked")
    assert again["status"] == "error"
    assert len(votes(server.api)) == 1


async def test_a_signature_is_good_for_one_vote_after_a_restart_too(
    api: ReviewingServer, provider: OpenIdProvider, tmp_path: Path
):
    """What a signature was used for is kept by the API, not by the process that saw it."""
    made: list[str] = []
    async with balanced() as front:
        settings = {**_settings(provider, tmp_path), "mcp_url": f"{front.address}/mcp"}
        async with server_of(api, **settings) as first:
            front.add(first.origin)
            console = await Console.signed_in(Server(api, front.address, first.figures), provider)
            shown = (await console.call("get_approval", request_id=GATE))["output"]

            def signing(body: bytes) -> str:
                made.append(documented("signature")(SECRET, "k1", shown, "approve", body, now=int(time.time())))
                return made[0]

            voted = await console.call("approve_workflow", signing, request_id=GATE, comment="ok")
        async with server_of(api, **settings) as second:
            front.replicas[:] = [second.origin]
            again = await console.call("approve_workflow", lambda body: made[0], request_id=GATE, comment="ok")
    assert (voted["status"], again["status"]) == ("success", "error")
    assert len(votes(api)) == 1


@pytest.mark.parametrize("case", ["unsigned", "wrong secret", "another verdict", "old", "body changed"])
async def test_a_vote_that_is_not_signed_for_just_this_is_refused(server: Server, provider: OpenIdProvider, case: str):
    console = await Console.signed_in(server, provider)
    shown = (await console.call("get_approval", request_id=GATE))["output"]
    sign = documented("signature")

    def signing(body: bytes) -> str:
        secret = b"x" * 32 if case == "wrong secret" else SECRET
        verdict = "reject" if case == "another verdict" else "approve"
        moment = int(time.time()) - (600 if case == "old" else 0)
        signed = body + b" " if case == "body changed" else body
        header: str = sign(secret, "k1", shown, verdict, signed, now=moment)
        return header

    answer = await console.call(
        "approve_workflow", None if case == "unsigned" else signing, request_id=GATE, comment="checked"
    )
    assert answer["error"] == "FORBIDDEN"
    assert "sign" in answer["message"]
    assert votes(server.api) == []


async def test_clients_that_share_no_secret_sign_nothing(server: Server, provider: OpenIdProvider):
    async with server.client(sign_in(server.url, Browser("lead"), "chat"), "auto") as client:
        assert "signing" not in (await call(client, "get_approval", request_id=GATE))["output"]
        assert (await call(client, "approve_workflow", request_id=GATE, comment="ok"))["status"] == "success"
    assert [vote["client"] for vote in votes(server.api)] == ["chat"]


async def test_when_the_secrets_cannot_be_read_nobody_decides(server: Server, provider: OpenIdProvider, tmp_path: Path):
    console = await Console.signed_in(server, provider, "chat")
    (tmp_path / "clients.yaml").unlink()
    answer = await console.call("approve_workflow", request_id=GATE, comment="ok")
    assert answer["error"] == "UNAVAILABLE"
    assert votes(server.api) == []


async def test_an_answer_to_another_question_is_none_to_this_one(server: Server, provider: OpenIdProvider):
    """Over HTTP the question comes as the answer, and the call once more with the person's word."""
    chat = await Console.signed_in(server, provider, "chat")
    word = {"action": "accept", "content": {"decision": "approve", "comment": "ok"}}
    body, headers = modern("tools/call", "approve_workflow", request_id=GATE)
    params = body["params"]
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = {"elicitation": {"form": {}}}

    async def asked_or_done() -> dict[str, Any]:
        answer = await server.post(body, chat.token, headers=headers)
        found: dict[str, Any] = answer.json()["result"]
        return found

    first = await asked_or_done()
    ((name, question),) = first["inputRequests"].items()
    assert "Release it?" in question["params"]["message"]
    server.api.put("approvalrequests", a_gate("ann@example.com", "agent", {"source": "rm -rf /"}))
    params["inputResponses"] = {name: word}
    ((other, question),) = (await asked_or_done())["inputRequests"].items()
    assert "rm -rf /" in question["params"]["message"]
    assert votes(server.api) == []
    params["inputResponses"] = {other: word}
    assert (await asked_or_done())["structuredContent"]["status"] == "success"
    assert [vote["comment"] for vote in votes(server.api)] == ["ok"]
