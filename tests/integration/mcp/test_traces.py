"""Calls as spans, from the client's own trace to the run that a call asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastmcp import Client

from penstock.adapters.tracing import OtlpSpans
from penstock.application.trace_context import ANNOTATION
from tests.integration.mcp.reviewing_server import ReviewingServer, a_token, reviewing
from tests.integration.mcp.serving import TOOL, modern, server_of
from tests.integration.mcp.test_process import a_free_port, a_kubeconfig, running, until_ready
from tests.support.eventually import eventually
from tests.support.memory_access import ORDER
from tests.support.otlp import Receiver, receiving

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ASKED = f"00-{TRACE}-{SPAN}-01"
AGENT = "system:serviceaccount:shop:agent"


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants.add((AGENT, "shop"))
        yield server


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def traceparent_of_the_run(api: ReviewingServer) -> str:
    (name,) = api.names("workflowruns")
    return str(api.get("workflowruns", name, namespace="shop")["metadata"].get("annotations", {}).get(ANNOTATION, ""))


@pytest.mark.parametrize("named_in", ["header", "meta"])
async def test_the_run_of_a_call_hangs_on_it_and_the_call_on_the_client(
    api: ReviewingServer, receiver: Receiver, named_in: str
):
    spans = OtlpSpans(receiver.url, "", "penstock-mcp", "test", every=0.05)
    async with server_of(api, spans=spans) as server:
        context = {"customer_id": "CUST-4711"}
        body, headers = modern("tools/call", TOOL, context=context, wait=False)
        if named_in == "header":
            headers["traceparent"] = ASKED
        else:
            body["params"]["_meta"]["traceparent"] = ASKED
        answer = await server.post(body, a_token("agent"), headers=headers)
        assert answer.status_code == 200, answer.text
        await receiver.until(f"tools/call {TOOL}")
    await spans.close()
    (call,) = receiver.spans
    assert (call.service, call.trace_id, call.parent_id) == ("penstock-mcp", TRACE, SPAN)
    assert traceparent_of_the_run(api) == f"00-{TRACE}-{call.span_id}-01"
    assert not call.error
    assert not [sent for sent in receiver.bodies if b"4711" in sent]


async def test_an_old_client_begins_a_trace(api: ReviewingServer, receiver: Receiver):
    spans = OtlpSpans(receiver.url, "", "penstock-mcp", "test", every=0.05)
    async with server_of(api, spans=spans) as server, server.client(a_token("agent"), "legacy") as client:
        await client.call_tool(TOOL, {"context": {"customer_id": "CUST-1"}, "wait": False})
        await client.call_tool("get_run", {"run": "shop/none-4711"}, raise_on_error=False)
        await client.call_tool("hunter2", raise_on_error=False)
        await receiver.until("tools/call get_run", "tools/call unknown")
    await spans.close()
    call, asked, unknown = (receiver.named(f"tools/call {name}") for name in (TOOL, "get_run", "unknown"))
    assert call.parent_id == ""
    assert len({call.trace_id, asked.trace_id, unknown.trace_id}) == 3
    assert traceparent_of_the_run(api) == f"00-{call.trace_id}-{call.span_id}-01"
    assert (asked.error, asked.attributes["error.type"]) == (True, "NOT_FOUND")
    assert not [sent for sent in receiver.bodies if b"4711" in sent or b"hunter2" in sent]


async def test_without_an_endpoint_the_clients_trace_goes_on(api: ReviewingServer):
    async with server_of(api) as server:
        body, headers = modern("tools/call", TOOL, context={"customer_id": "CUST-1"}, wait=False)
        await server.post(body, a_token("agent"), headers={**headers, "traceparent": ASKED})
    assert traceparent_of_the_run(api) == ASKED


async def test_the_process_sends_its_last_spans_before_it_ends(
    api: ReviewingServer, receiver: Receiver, tmp_path: Path
):
    port = a_free_port()
    url = f"http://127.0.0.1:{port}"
    environment = {
        "KUBECONFIG": str(a_kubeconfig(api, tmp_path)),
        "PENSTOCK_PORT": str(port),
        "PENSTOCK_TRACING_ENDPOINT": receiver.url,
    }
    async with running(environment, "--http", "--cluster", "--host", "127.0.0.1") as process:
        await until_ready(url)
        async with Client(f"{url}/mcp", auth=a_token("agent"), mode="auto") as client:
            await client.call_tool(TOOL, {"context": {"customer_id": "CUST-1"}, "wait": False})
        await eventually(lambda: api.names("workflowruns"))
        process.terminate()
        assert await process.wait() == 0
    assert receiver.named(f"tools/call {TOOL}").service == "penstock-mcp"
