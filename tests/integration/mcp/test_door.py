"""What every request passes over HTTP, as clients that mean no good would try it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from penstock_mcp.guarding.bodies import MAX_BODY
from penstock_mcp.guarding.buckets import Rate
from penstock_mcp.serving import HttpOptions
from tests.integration.mcp.reviewing_server import ReviewingServer, a_token, reviewing
from tests.integration.mcp.serving import HELLO, TOOL, Server, modern, server_of
from tests.support.eventually import eventually
from tests.support.memory_access import ORDER

AGENT = "system:serviceaccount:shop:agent"
CONTEXT = {"customer_id": "CUST-1"}


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants |= {(AGENT, "shop"), ("system:serviceaccount:lab:other", "shop")}
        yield server


@pytest.fixture
async def server(api: ReviewingServer) -> AsyncIterator[Server]:
    async with server_of(api) as running:
        yield running


async def started(server: Server, token: str = "agent", **arguments: Any) -> int:
    body, headers = modern("tools/call", TOOL, context=CONTEXT, wait=False, **arguments)
    return (await server.post(body, a_token(token), headers=headers)).status_code


async def test_who_asks_too_often_waits_and_nobody_else_does(api: ReviewingServer):
    async with server_of(api, HttpOptions(rate=Rate(per_second=0.001, burst=3))) as server:
        answers = [await server.post(HELLO, a_token("agent")) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert (await server.post(HELLO, a_token("other"))).status_code == 200


async def test_one_caller_cannot_hold_all_places(api: ReviewingServer):
    async with server_of(api, HttpOptions(max_at_once=2)) as server:
        body, headers = modern("tools/call", TOOL, context=CONTEXT, idempotency_key="k")
        waiting = [asyncio.create_task(server.post(body, a_token("agent"), headers=headers)) for _ in range(2)]
        await eventually(lambda: api.names("workflowruns"))
        try:
            async with asyncio.timeout(10):
                while (await server.post(HELLO, a_token("agent"))).status_code != 429:
                    await asyncio.sleep(0.01)
            assert (await server.post(HELLO, a_token("other"))).status_code == 200
        finally:
            api.finish("shop", api.names("workflowruns")[0], 1)
            await asyncio.gather(*waiting)
        assert (await server.post(HELLO, a_token("agent"))).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"x" * (MAX_BODY + 1), 413, id="one-byte-too-long"),
        pytest.param(b"[" * 100_000, 400, id="deep"),
        pytest.param(b"[" + b",".join([b"{}"] * 1000) + b"]", 400, id="batch"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"tools/list","method":"tools/call"}', 400, id="method-twice"),
    ],
)
async def test_bodies_that_nobody_should_send(server: Server, body: bytes, status: int):
    assert (await server.post(body, a_token("agent"))).status_code == status
    assert await started(server) == 200


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"name": "get_run", "arguments": "all"}, id="arguments-are-text"),
        pytest.param({"name": "get_run", "arguments": {"run": "a/b"}, "_meta": 7}, id="meta-is-a-number"),
        pytest.param({"arguments": {}}, id="no-name"),
        pytest.param({}, id="nothing"),
    ],
)
@pytest.mark.parametrize("version", ["2025-11-25", "2026-07-28"])
async def test_what_only_claims_to_be_a_call_is_refused_in_the_protocols_words(
    server: Server, params: Any, version: str, caplog: pytest.LogCaptureFixture
):
    body, headers = modern("tools/call", params.get("name", ""))
    if version == "2025-11-25":
        body, headers = {**body, "params": params}, {"MCP-Protocol-Version": version}
    else:
        meta = {"_meta": body["params"]["_meta"]}
        body["params"] = {**meta, **{name: value for name, value in params.items() if name != "_meta"}}
    answer = (await server.post(body, a_token("agent"), headers=headers)).text
    assert '"code":-32602' in answer or params.get("_meta"), answer
    assert "object" not in answer
    assert "Traceback" not in caplog.text
    # The same without an id is a notification, and nothing to be answered.
    told = {name: value for name, value in body.items() if name != "id"}
    assert (await server.post(told, a_token("agent"), headers=headers)).status_code < 500
    assert "Traceback" not in caplog.text


async def test_fifty_megabytes_are_refused_by_their_announcement(server: Server):
    reader, writer = await announced(server, 50_000_000)
    assert (await asyncio.wait_for(reader.readline(), 10)).split()[1] == b"413"
    writer.close()
    assert await started(server) == 200


async def announced(
    server: Server, length: int, token: str = "agent"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection on which somebody said that so many bytes would come, and sends one."""
    place = urlsplit(server.origin)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    head = (
        f"POST /mcp HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {a_token(token)}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{"
    )
    writer.write(head.encode())
    return reader, writer


async def test_slow_clients_hold_nobody_up(api: ReviewingServer):
    async with server_of(api, HttpOptions(body_seconds=0.5)) as server:
        for number in range(4):
            api.users[f"slow{number}"] = f"system:serviceaccount:shop:slow{number}"
        slow = [await announced(server, 1000, f"slow{number % 4}") for number in range(200)]
        assert await started(server, "other") == 200
        answers = [await asyncio.wait_for(reader.readline(), 10) for reader, _ in slow]
        assert {line.split()[1] for line in answers} == {b"408"}
        for _, writer in slow:
            writer.close()
        assert await started(server, idempotency_key="2") == 200


@pytest.mark.parametrize("head", [b"", b"POST /mcp HTTP/1.1\r\nHost: x\r\nX-Slow: "])
async def test_who_never_says_what_they_want_is_let_go(server: Server, head: bytes):
    place = urlsplit(server.origin)
    silent = [await asyncio.open_connection(place.hostname, place.port) for _ in range(200)]
    for _, writer in silent:
        writer.write(head)
    assert await started(server) == 200
    async with asyncio.timeout(20):
        for reader, writer in silent:
            assert await reader.read() == b""
            writer.close()


async def test_who_asks_again_on_the_same_connection_is_served(server: Server):
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {a_token('agent')}"}) as client:
        for number in range(3):
            body, headers = modern("tools/call", TOOL, context=CONTEXT, wait=False, idempotency_key=str(number))
            accept = {"Accept": "application/json, text/event-stream"}
            assert (await client.post(server.url, json=body, headers={**headers, **accept})).status_code == 200
            await asyncio.sleep(0.4)


@pytest.mark.parametrize(
    "path",
    [
        *("/mcp/healthz", "//mcp", "/mcp;x", "/healthz/../mcp", "/%2e%2e/mcp", "/MCP", "/", "/mcp/", "/metrics"),
        *("/healthz/", "/healthz;x", "/HEALTHZ", "/readyz/x", "/x/.well-known/mcp", "/.well-known"),
    ],
)
async def test_without_a_token_only_what_is_public_by_its_exact_path_answers(server: Server, path: str):
    assert (await server.post(HELLO, path=path)).status_code == 401
    assert (await server.get(path)).status_code == 401


async def test_what_is_public_is_public_for_looking_only(server: Server):
    assert (await server.get("/healthz")).status_code == 200
    for path in ("/healthz", "/.well-known/oauth-protected-resource", "/.well-known/../mcp"):
        assert (await server.post(HELLO, path=path)).status_code == 401


async def test_where_nobody_can_sign_in_nothing_says_that_they_could(server: Server):
    refused = await server.post(HELLO)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (await server.get("/.well-known/oauth-protected-resource")).status_code == 404


async def test_a_pattern_that_takes_for_ever_holds_nobody_up(api: ReviewingServer):
    inputs = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    api.put("workflows", {"metadata": {"name": "trap", "namespace": "shop"}, "spec": {**ORDER, "inputs": inputs}})
    async with server_of(api) as server, asyncio.timeout(20):
        body, headers = modern("tools/call", "execute_shop__trap", context={"a": "a" * 40 + "!"}, wait=False)
        answer = await server.post(body, a_token("agent"), headers=headers)
        assert answer.status_code == 200
        assert await started(server) == 200


async def test_calls_and_refusals_are_counted_and_made_up_names_are_one(server: Server):
    await started(server)
    await server.post(HELLO)
    for name in ("made_up_1", "made_up_2"):
        body, headers = modern("tools/call", name)
        await server.post(body, a_token("agent"), headers=headers)
    figures = await scraped(server)
    assert f'penstock_mcp_calls_total{{outcome="running",tool="{TOOL}"}} 1.0' in figures
    assert 'penstock_mcp_calls_total{outcome="unknown_tool",tool="unknown"} 2.0' in figures
    assert 'penstock_mcp_refused_requests_total{reason="no_token"} 1.0' in figures
    assert "made_up" not in figures


async def scraped(server: Server) -> str:
    """What Prometheus would get."""
    sent: list[Any] = []
    scope = {"type": "http", "method": "GET", "path": "/metrics", "query_string": b"", "headers": []}

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await server.figures.app()(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent).decode()


async def test_an_answer_says_no_stack_and_no_address_of_ours(server: Server):
    server.api.down = True
    body, headers = modern("tools/call", "list_runs")
    answer = await server.post(body, a_token("agent"), headers=headers)
    # A proof of a moment ago still lets the caller in; else nobody is let in at all.
    text = answer.text
    assert answer.status_code in (200, 401)
    for secret in ("Traceback", "127.0.0.1", server.api.url, "penstock_mcp", ".py"):
        assert secret not in text
    server.api.down = False
    assert await started(server) == 200
    server.api.down = True
    shape = json.loads((await server.post(body, a_token("agent"), headers=headers)).text)["result"]
    assert shape["structuredContent"]["error"] == "UNAVAILABLE"
    assert server.api.url not in json.dumps(shape)
    assert "127.0.0.1" not in json.dumps(shape)
