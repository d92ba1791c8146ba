from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from fastmcp import Client, FastMCP
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from mcp.client.subscriptions import listen

from penstock.adapters.kube.client import ClientOptions, KubeClient
from penstock.adapters.kube.credentials import Credentials
from penstock.adapters.kube.informers import WatchTiming
from penstock.settings import McpSettings
from penstock.wiring.callers import ServedCluster
from penstock_mcp.cluster_server import cluster_server
from penstock_mcp.protocol import ToolNews
from penstock_mcp.provider import Pace
from penstock_mcp.serving import HttpOptions, http_app
from tests.integration.mcp.reviewing_server import OWN_TOKEN, ReviewingServer, a_token, reviewing
from tests.support.eventually import eventually
from tests.support.http_server import listening
from tests.support.mcp_client import Era, answer_of, call, said, tool_names
from tests.support.memory_access import ORDER

TOOL = "execute_shop__order_processing"
AGENT = "system:serviceaccount:shop:agent"
CONTEXT = {"customer_id": "CUST-1"}
QUICK = ClientOptions(request=5.0, read_tries=2, first_wait=0.01, longest_wait=0.02)


@dataclass
class Served:
    """A server on a real port, and the API server behind it."""

    api: ReviewingServer
    url: str
    server: FastMCP
    lists: list[str] = field(default_factory=list)

    def client(self, era: Era, token: str = "agent", **options: Any) -> Client[Any]:
        return Client(f"{self.url}/mcp", auth=a_token(token), mode=era, **options)

    def run(self) -> dict[str, Any]:
        (name,) = self.api.names("workflowruns")
        return self.api.get("workflowruns", name, "shop")


class CountLists(Middleware):
    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    async def on_list_tools(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        self._seen.append("tools/list")
        return await call_next(context)


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    async with reviewing() as server:
        server.put("workflows", {"metadata": {"name": "order-processing", "namespace": "shop"}, "spec": ORDER})
        server.grants.add((AGENT, "shop"))
        yield server


@pytest.fixture
async def served(api: ReviewingServer) -> AsyncIterator[Served]:
    settings = McpSettings(mode="cluster", mcp_groups=("devs",))
    async with KubeClient.connect(Credentials.fixed(api.url, f"Bearer {OWN_TOKEN}"), QUICK) as kube:
        news = ToolNews()
        server = await cluster_server(ServedCluster(kube), settings, new_suffix=lambda: "n1", news=news)
        lists: list[str] = []
        server.add_middleware(CountLists(lists))
        options = HttpOptions(allowed_hosts=("mcp.shop.svc",), allowed_origins=(PAGE,))
        async with listening(http_app(server, options)) as url:
            yield Served(api, url, server, lists)
            news.close()


PAGE = "https://chat.example.com"
MODERN = {
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": TOOL,
    "Accept": "application/json, text/event-stream",
}


def a_call(arguments: dict[str, Any]) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": TOOL, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


async def post(served: Served, body: Any, **headers: str) -> httpx2.Response:
    async with httpx2.AsyncClient() as client:
        everything = {**MODERN, "Authorization": f"Bearer {a_token('agent')}", **headers}
        return await client.post(f"{served.url}/mcp", json=body, headers=everything)


async def test_a_service_account_runs_a_workflow_as_itself(served: Served, era: Era):
    async with served.client(era) as client:
        assert TOOL in await tool_names(client)
        waiting = asyncio.create_task(call(client, TOOL, context=CONTEXT))
        await eventually(lambda: served.api.names("workflowruns"))
        served.api.finish("shop", "order-processing-n1", {"order_id": "ORD-1"})
        answer = await waiting
    assert answer == {"status": "success", "output": {"order_id": "ORD-1"}, "run": "shop/order-processing-n1"}
    assert served.run()["spec"]["requestedBy"] == {"user": AGENT}


async def test_every_call_for_a_caller_impersonates_that_caller_and_nobody_else(served: Served, era: Era):
    async with served.client(era) as client:
        await call(client, TOOL, context=CONTEXT, wait=False)
        await call(client, "get_run", run="shop/order-processing-n1")
        await call(client, "list_pending_approvals")
    for part in ("workflowruns", "approvalrequests", "selfsubjectaccessreviews", "workflows/order-processing"):
        asked = served.api.ask_log(part)
        assert asked
        assert all(headers["Impersonate-User"] == AGENT for headers in asked)
        # Constrained impersonation refuses groups and extras beside a ServiceAccount.
        assert not [
            name for headers in asked for name in headers if name.startswith(("Impersonate-Group", "Impersonate-Extra"))
        ]
    own = [headers for headers in served.api.headers if "Impersonate-User" not in headers]
    paths = {path for (_, path), headers in zip(served.api.requests, served.api.headers, strict=True) if headers in own}
    assert paths == {
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "/apis/authentication.k8s.io/v1/selfsubjectreviews",
        "/apis/penstock.dev/v1alpha1/workflows",
    }


async def test_a_callers_token_is_never_passed_on(served: Served, era: Era):
    async with served.client(era) as client:
        await call(client, TOOL, context=CONTEXT, wait=False)
    assert {headers["Authorization"] for headers in served.api.headers} == {f"Bearer {OWN_TOKEN}"}


async def test_what_a_request_says_of_itself_is_not_believed(served: Served):
    lies = {
        "Impersonate-User": "system:admin",
        "Impersonate-Group": "system:masters",
        "X-Remote-User": "root",
        "X-Forwarded-User": "root",
    }
    answer = await post(served, a_call({"context": CONTEXT, "wait": False}), **lies)
    assert answer.status_code == 200
    assert served.run()["spec"]["requestedBy"] == {"user": AGENT}
    assert not [h for h in served.api.headers if "system:admin" in h.values() or "system:masters" in h.values()]


@pytest.mark.parametrize(
    ("authorization", "shown"),
    [
        pytest.param(None, False, id="none"),
        pytest.param("", False, id="empty"),
        pytest.param("Bearer", False, id="no-token"),
        pytest.param("Bearer junk", False, id="junk"),
        pytest.param("Basic YWRtaW46YWRtaW4=", False, id="another-scheme"),
        pytest.param(f"Bearer {a_token('agent', 'https://kubernetes.default.svc')}", False, id="for-the-api-server"),
        pytest.param(f"Bearer {a_token('agent', ['a', 'b'])}", False, id="for-others"),
        pytest.param(f"Bearer {a_token('forged')}", True, id="forged"),
        pytest.param(f"Bearer {'x' * 30_000}.y.z", False, id="huge"),
    ],
)
async def test_without_a_good_token_there_is_nothing(served: Served, authorization: str | None, shown: bool):
    headers = {**MODERN, **({} if authorization is None else {"Authorization": authorization})}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{served.url}/mcp", json=a_call({"context": CONTEXT}), headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert "execute_" not in answer.text
    assert bool(served.api.reviewed) is shown
    assert served.api.names("workflowruns") == []


async def test_a_token_in_the_address_is_no_token(served: Served):
    async with httpx2.AsyncClient() as client:
        for name in ("access_token", "token", "authorization"):
            url = f"{served.url}/mcp?{name}={a_token('agent')}"
            assert (await client.post(url, json=a_call({}), headers=MODERN)).status_code == 401


async def test_the_servers_own_namespace_may_not_call(served: Served, era: Era):
    served.api.users["operator"] = "system:serviceaccount:penstock-system:penstock-operator"
    served.api.grants.add((served.api.users["operator"], "shop"))
    async with served.client(era, "operator") as client:
        assert TOOL not in await tool_names(client)
        assert (await answer_of(client, TOOL, context=CONTEXT)).is_error
        assert (await call(client, "list_runs"))["error"] == "FORBIDDEN"


@pytest.mark.parametrize("user", ["system:admin", "system:node:n1", "system:kube-controller-manager", "a\nb", " "])
async def test_names_of_the_clusters_own_are_not_impersonated(served: Served, user: str):
    served.api.users["strange"] = user
    async with served.client("auto", "strange") as client:
        assert (await call(client, "list_runs"))["error"] == "FORBIDDEN"
    assert not [h for h in served.api.headers if h.get("Impersonate-User") == user]


async def test_callers_see_what_they_may_run(served: Served, era: Era):
    async with served.client(era, "agent") as agent, served.client(era, "other") as other:
        assert TOOL in await tool_names(agent)
        assert TOOL not in await tool_names(other)
        hidden = await answer_of(other, TOOL, context=CONTEXT)
        unknown = await answer_of(other, "execute_shop__nothing", context=CONTEXT)
    assert said(hidden) == f"Unknown tool: '{TOOL}'"
    assert said(unknown) == "Unknown tool: 'execute_shop__nothing'"
    assert served.api.names("workflowruns") == []


async def test_one_granted_workflow_of_many_is_seen(served: Served, era: Era):
    spec = {**ORDER, "description": "Two."}
    served.api.put("workflows", {"metadata": {"name": "second", "namespace": "lab"}, "spec": spec})
    async with served.client(era) as client:
        names = await tool_names(client)
    assert TOOL in names
    assert "execute_lab__second" not in names


async def test_tools_come_and_go_with_the_clusters_workflows(served: Served, era: Era):
    async with served.client(era) as client:
        served.api.put("workflows", {"metadata": {"name": "second", "namespace": "shop"}, "spec": ORDER})
        async with asyncio.timeout(10):
            while "execute_shop__second" not in await tool_names(client):
                await asyncio.sleep(0.01)
        served.api.remove("workflows", "second", "shop")
        async with asyncio.timeout(10):
            while "execute_shop__second" in await tool_names(client):
                await asyncio.sleep(0.01)


async def test_a_workflow_that_nobody_can_read_hides_no_other(served: Served, era: Era):
    served.api.put("workflows", {"metadata": {"name": "broken", "namespace": "shop"}, "spec": {"steps": "none"}})
    served.api.put("workflows", {"metadata": {"name": "second", "namespace": "shop"}, "spec": ORDER})
    async with served.client(era) as client, asyncio.timeout(10):
        while "execute_shop__second" not in (names := await tool_names(client)):
            await asyncio.sleep(0.01)
    assert TOOL in names


async def test_listeners_over_http_hear_of_new_tools(served: Served):
    async with (
        asyncio.timeout(10),
        served.client("auto") as client,
        listen(client.session, tools_list_changed=True) as events,
    ):
        served.api.put("workflows", {"metadata": {"name": "second", "namespace": "shop"}, "spec": ORDER})
        async for event in events:
            assert type(event).__name__ == "ToolsListChanged"
            break


async def test_a_call_does_not_list_all_tools_first(served: Served):
    answer = await post(served, a_call({"context": CONTEXT, "wait": False}))
    assert answer.json()["result"]["structuredContent"]["status"] == "running"
    assert served.lists == []


async def test_lists_are_private_to_the_caller(served: Served):
    body = a_call({})
    body["method"] = "tools/list"
    body["params"] = {"_meta": body["params"]["_meta"]}
    answer = await post(served, body, **{"Mcp-Method": "tools/list", "Mcp-Name": ""})
    assert answer.json()["result"]["cacheScope"] == "private"


async def test_a_dropped_request_loses_no_run(served: Served):
    waiting = asyncio.create_task(post(served, a_call({"context": CONTEXT})))
    await eventually(lambda: served.api.names("workflowruns"))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "cancel" not in served.run()["spec"]
    served.api.finish("shop", "order-processing-n1", 1)
    async with served.client("auto") as client:
        assert (await call(client, "get_run", run="shop/order-processing-n1"))["status"] == "success"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Host": "evil.example.com"}, 421, id="foreign-host"),
        pytest.param({"Origin": "https://evil.example.com"}, 403, id="foreign-origin"),
        pytest.param({"Host": "mcp.shop.svc"}, 200, id="own-name"),
        pytest.param({"Mcp-Name": "execute_lab__other"}, 400, id="header-that-names-another-tool"),
        pytest.param({"Mcp-Method": "tools/list"}, 400, id="header-that-names-another-method"),
    ],
)
async def test_headers_that_do_not_fit(served: Served, headers: dict[str, str], status: int):
    assert (await post(served, a_call({"context": CONTEXT, "wait": False}), **headers)).status_code == status
    assert len(served.api.names("workflowruns")) == (status == 200)


async def ask_before_a_call(served: Served, origin: str) -> httpx2.Response:
    """What a browser asks on behalf of a page before it sends a call."""
    asked = "authorization,content-type,mcp-method,mcp-name,mcp-protocol-version"
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asked}
    async with httpx2.AsyncClient() as client:
        return await client.options(f"{served.url}/mcp", headers=headers)


async def test_a_page_of_an_allowed_origin_calls_and_reads_the_answer(served: Served):
    before = await ask_before_a_call(served, PAGE)
    answer = await post(served, a_call({"context": CONTEXT, "wait": False}), Origin=PAGE)
    async with httpx2.AsyncClient() as client:
        nobody = await client.post(f"{served.url}/mcp", json=a_call({}), headers={**MODERN, "Origin": PAGE})

    assert before.status_code == 200
    assert before.headers["access-control-allow-origin"] == PAGE
    assert {"authorization", "mcp-name"} <= set(before.headers["access-control-allow-headers"].lower().split(","))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, PAGE)
    assert nobody.status_code == 401
    assert "www-authenticate" in nobody.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_of_another_origin_is_allowed_nothing(served: Served):
    before = await ask_before_a_call(served, "https://evil.example.com")

    assert before.status_code == 400
    assert "access-control-allow-origin" not in before.headers


@pytest.mark.parametrize("path", ["/mcp/healthz", "//mcp", "/mcp;x", "/healthz/../mcp", "/%2e%2e/mcp", "/MCP", "/"])
async def test_other_ways_to_the_endpoint_lead_nowhere(served: Served, path: str):
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{served.url}{path}", json=a_call({"context": CONTEXT}), headers=MODERN)
    assert answer.status_code in (401, 404, 405)
    assert served.api.names("workflowruns") == []


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"x" * 5_000_000, id="five-megabytes"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b"[]", id="empty-batch"),
        pytest.param(b"[" + b",".join([b"{}"] * 1000) + b"]", id="large-batch"),
        pytest.param(b"\xff\xfe", id="no-text"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[]}', id="params-of-a-wrong-type"),
    ],
)
async def test_bodies_that_are_no_call_are_refused(served: Served, body: bytes):
    headers = {**MODERN, "Authorization": f"Bearer {a_token('agent')}", "Content-Type": "application/json"}
    async with httpx2.AsyncClient() as client:
        answer = await client.post(f"{served.url}/mcp", content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert (await post(served, a_call({"context": CONTEXT, "wait": False}))).status_code == 200


async def test_probes_need_no_token(served: Served):
    async with httpx2.AsyncClient() as client:
        assert (await client.get(f"{served.url}/healthz")).status_code == 200
        assert (await client.get(f"{served.url}/readyz")).status_code == 200


async def test_the_server_starts_without_the_workflows_and_says_that_it_is_not_ready(api: ReviewingServer):
    settings = McpSettings(mode="cluster")
    async with KubeClient.connect(Credentials.fixed(api.url), QUICK) as kube:
        cluster = ServedCluster(kube, timing=WatchTiming(first_wait=0.01, longest_wait=0.02))
        pace = Pace(first_look=0.1)
        server = await cluster_server(cluster, settings, new_suffix=lambda: "n1", news=ToolNews(), pace=pace)
        api.down = True
        async with listening(http_app(server, HttpOptions())) as url, httpx2.AsyncClient() as client:
            assert (await client.get(f"{url}/healthz")).status_code == 200
            assert (await client.get(f"{url}/readyz")).status_code == 503
            api.down = False
            async with asyncio.timeout(10):
                while (await client.get(f"{url}/readyz")).status_code != 200:
                    await asyncio.sleep(0.05)


async def test_a_service_account_cannot_open_a_gate(served: Served, era: Era):
    async with served.client(era) as client:
        answer = await call(client, "approve_workflow", request_id="shop/some-gate", comment="please")
    assert answer["error"] == "FORBIDDEN"
    assert "person" in answer["hint"]
    assert not [path for method, path in served.api.requests if method == "PATCH"]
