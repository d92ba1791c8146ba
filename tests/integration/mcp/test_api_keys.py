"""API keys over HTTP: made by the command line's own service, kept in a Secret, believed until they are revoked."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from penstock.adapters.clock import SystemClock
from penstock.adapters.kube.client import KubeClient
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.secret_records import SecretRecords
from penstock.application.api_keys import RANDOM_BYTES, ApiKey, Wish, make_key, to_record
from penstock.errors import NotFound
from penstock.ports.access import Key
from penstock_mcp.signin.api_keys import FRESH_SECONDS, STALE_SECONDS, ApiKeyVerifier
from penstock_mcp.signin.proof import proof_of
from tests.integration.mcp.balancing import balanced
from tests.integration.mcp.reviewing_server import ReviewingServer, reviewing
from tests.integration.mcp.serving import HELLO, QUICK, TOOL, Server, server_of
from tests.support.gates import GATE, a_gate
from tests.support.mcp_client import Era, call, tool_names
from tests.support.memory_access import ORDER

SECRET = Key("penstock-system", "penstock-api-keys")
CONTEXT = {"customer_id": "CUST-1"}
NOW = SystemClock().now()


def a_key(seed: int = 1, made: datetime = NOW, **wish: Any) -> tuple[ApiKey, str]:
    usual = {"owner": "robot:ci", "days": 30, "groups": ("devs", "wheel"), "scopes": ("runs:write",)}
    wanted = Wish(**{**usual, **wish})
    return make_key(wanted, random=bytes([seed] * RANDOM_BYTES), now=made, by="admin")


def keep(api: ReviewingServer, *keys: ApiKey) -> None:
    data = {key.id: base64.b64encode(to_record(key)).decode() for key in keys}
    api.put("secrets", {"metadata": {"name": SECRET.name, "namespace": SECRET.namespace}, "data": data})


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants.add(("robot:ci", "shop"))
        yield server


@pytest.fixture
async def server(api: ReviewingServer) -> AsyncIterator[Server]:
    async with server_of(api, mcp_api_keys_secret=SECRET.name, mcp_groups=("devs",)) as running:
        yield running


async def test_a_key_acts_as_its_owner_through_a_client_of_its_own(server: Server, era: Era):
    key, text = a_key()
    keep(server.api, key)
    async with server.client(text, era) as client:
        assert TOOL in await tool_names(client)
        assert (await call(client, TOOL, context=CONTEXT, wait=False))["status"] == "running"
    asked = server.api.get("workflowruns", "order-processing-n1", "shop")["spec"]["requestedBy"]
    assert asked == {"user": "robot:ci", "client": f"apikey:{key.id}"}
    groups = {headers["Impersonate-Group"] for headers in server.api.headers if "Impersonate-Group" in headers}
    assert groups == {"devs"}
    assert server.api.reviewed == []


async def test_a_key_opens_every_replica(api: ReviewingServer, era: Era):
    key, text = a_key()
    keep(api, key)
    settings: dict[str, Any] = {"mcp_api_keys_secret": SECRET.name}
    async with (
        server_of(api, **settings) as one,
        server_of(api, **settings) as two,
        balanced(one.origin, two.origin) as balancer,
        balancer.client(era, text) as client,
    ):
        started = await call(client, TOOL, context=CONTEXT, wait=False)
        for _ in range(2):
            assert (await call(client, "get_run", run=started["run"]))["status"] == "running"
    assert min(balancer.counts) >= 2


async def test_a_key_for_looking_starts_nothing(server: Server, era: Era):
    key, text = a_key(scopes=("runs:read",))
    keep(server.api, key)
    async with server.client(text, era) as client:
        assert (await call(client, "list_runs"))["status"] == "success"
        answer = await call(client, TOOL, context=CONTEXT)
        cancelled = await call(client, "cancel_run", run="shop/x")
    assert answer["error"] == cancelled["error"] == "FORBIDDEN"
    assert "runs:write" in answer["message"]
    assert server.api.names("workflowruns") == []


async def test_no_key_decides_on_a_gate_whoever_it_acts_as(server: Server, era: Era):
    key, text = a_key(owner="lead@example.com")
    keep(server.api, key)
    server.api.put("approvalrequests", a_gate("ann@example.com", "chat"))
    async with server.client(text, era) as client:
        for tool, word in (("approve_workflow", "comment"), ("reject_workflow", "reason")):
            answer = await call(client, tool, request_id=GATE, **{word: "because"})
            assert answer["error"] == "FORBIDDEN"
            assert "API keys may not decide" in answer["message"]
    assert server.api.get("approvalrequests", "order-1-release", "shop")["spec"]["decisions"] == []


@pytest.mark.parametrize("case", ["unknown", "expired", "another secret", "in the address", "as another scheme"])
async def test_keys_that_open_nothing(server: Server, case: str, caplog: pytest.LogCaptureFixture):
    key, text = a_key(made=NOW - timedelta(days=31) if case == "expired" else NOW)
    other, _ = a_key(9)
    keep(server.api, *([] if case == "unknown" else [key]), other)
    if case == "another secret":
        text = text[:-1] + ("A" if text[-1] != "A" else "B")
    headers = {"Authorization": f"Basic {text}"} if case == "as another scheme" else {}
    path = f"/mcp?api_key={text}&access_token={text}" if case == "in the address" else "/mcp"
    token = text if case in ("unknown", "expired", "another secret") else None
    with caplog.at_level("DEBUG"):
        assert (await server.post(HELLO, token, path=path, headers=headers)).status_code == 401
    assert text not in "".join(record.getMessage() for record in caplog.records if record.name.startswith("penstock"))
    assert server.api.reviewed == []


class Kept:
    """The stored hashes, and when."""

    def __init__(self, *keys: ApiKey) -> None:
        self.records = {key.id: to_record(key) for key in keys}
        self.reads = 0
        self.away = False
        self.now = 0.0

    async def read(self) -> dict[str, bytes]:
        self.reads += 1
        if self.away:
            raise ConnectionError
        return dict(self.records)

    def verifier(self) -> ApiKeyVerifier:
        return ApiKeyVerifier(self.read, lambda: self.now, lambda: NOW)


async def test_a_revoked_key_opens_nothing_after_seconds():
    key, text = a_key()
    kept = Kept(key)
    verifier = kept.verifier()
    token = await verifier.verify(text)
    assert token is not None
    proof = proof_of(token)
    assert proof is not None
    assert not proof.person
    for _ in range(10):
        await verifier.verify(text)
    assert kept.reads == 1
    kept.records.clear()
    kept.now += FRESH_SECONDS + 0.1
    assert await verifier.verify(text) is None


async def test_an_expired_key_opens_nothing():
    key, text = a_key(made=NOW - timedelta(days=30))
    assert await Kept(key).verifier().verify(text) is None


async def test_while_the_hashes_cannot_be_read_the_last_ones_hold_for_seconds():
    key, text = a_key()
    kept = Kept(key)
    verifier = kept.verifier()
    await verifier.verify(text)
    kept.away = True
    kept.now += STALE_SECONDS
    assert await verifier.verify(text) is not None
    kept.now += 0.1
    assert await verifier.verify(text) is None


async def test_made_up_keys_are_no_stream_of_reads():
    key, _ = a_key()
    kept = Kept(key)
    verifier = kept.verifier()
    for seed in range(2, 100):
        assert await verifier.verify(a_key(seed)[1]) is None
    assert kept.reads == 1


async def test_records_are_kept_in_one_secret_that_comes_with_the_first_and_goes_with_none(api: ReviewingServer):
    (first, _), (second, _) = a_key(1), a_key(2)
    async with KubeClient.connect(Credentials.fixed(api.url), QUICK) as client:
        records = SecretRecords(client, SECRET)
        assert await records.read() == {}
        await records.put(first.id, to_record(first))
        await records.put(second.id, to_record(second))
        assert await records.read() == {first.id: to_record(first), second.id: to_record(second)}
        await records.remove(first.id)
        assert set(await records.read()) == {second.id}
        with pytest.raises(NotFound):
            await records.remove(first.id)
