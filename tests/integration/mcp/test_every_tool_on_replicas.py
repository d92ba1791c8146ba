"""Every tool and every resource, one after the other on each of two replicas that share nothing but the API server."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml
from fastmcp import Client

from penstock.engine.identifiers import attempt_name
from tests.integration.kube.api_server import Log
from tests.integration.mcp.balancing import Balancer, balanced
from tests.integration.mcp.reviewing_server import ReviewingServer, reviewing
from tests.integration.mcp.serving import TOOL, modern, server_of
from tests.support.gates import a_gate
from tests.support.mcp_client import Era, call
from tests.support.memory_access import ORDER
from tests.support.openid_provider import Browser, OpenIdProvider, openid_provider

pytestmark = pytest.mark.timeout(180, func_only=True)

ROOT = Path(__file__).parents[3]
LEAD = "lead@example.com"
PEOPLE = {"lead": {"email": LEAD, "email_verified": True}}
CONTEXT = {"customer_id": "CUST-1"}
PLANNER = {
    "description": "Plans.",
    "inputs": {"type": "object", "required": ["prompt"], "properties": {"prompt": {"type": "string"}}},
    "steps": [{"name": "plan", "llm": {"connection": "model", "prompt": "Plan.", "plans": {"connections": ["shop"]}}}],
}
(ANALYST,) = (
    document["spec"]
    for document in yaml.safe_load_all((ROOT / "examples" / "ask" / "analyst.yaml").read_text())
    if document["metadata"]["name"] == "analyst"
)
ARGUMENTS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    TOOL: lambda turn: {"context": CONTEXT, "wait": False, "idempotency_key": "once"},
    "get_run": lambda turn: {"run": "shop/done"},
    "wait_for_run": lambda turn: {"run": "shop/done"},
    "list_runs": lambda turn: {"namespace": "shop"},
    "get_run_output": lambda turn: {"run": "shop/done"},
    "get_run_logs": lambda turn: {"run": "shop/done", "step": "charge"},
    "explain_run": lambda turn: {"run": "shop/failed"},
    "retry_run": lambda turn: {"run": "shop/failed", "wait": False},
    "suspend_run": lambda turn: {"run": "shop/going"},
    "resume_run": lambda turn: {"run": "shop/going"},
    "cancel_run": lambda turn: {"run": "shop/going"},
    "prune_runs": lambda turn: {"namespace": "shop", "max_age_hours": 1},
    "list_pending_approvals": lambda turn: {"namespace": "shop"},
    "get_approval": lambda turn: {"request_id": "shop/gate-to-see"},
    "approve_workflow": lambda turn: {"request_id": f"shop/gate-{turn}", "comment": "go"},
    "reject_workflow": lambda turn: {"request_id": f"shop/gate-{2 + turn}", "reason": "no"},
    "plan_workflow": lambda turn: {"goal": "sell more", "application": "application://shop/sales", "timeout": 1},
    "run_plan": lambda turn: {"run": "shop/planning", "timeout": 1},
    "ask_analyst": lambda turn: {"question": "how many?", "application": "application://shop/sales", "timeout": 1},
    "list_applications": lambda turn: {},
    "open_application": lambda turn: {"uri": "application://shop/sales"},
    "discover_tools": lambda turn: {"session_id": "(session)"},
    "execute_tool": lambda turn: {
        "session_id": "(session)",
        "tool_id": "shop/order-processing",
        "arguments": {"context": CONTEXT, "wait": False, "idempotency_key": "once"},
    },
    "list_templates": lambda turn: {"namespace": "shop"},
    "clone_template": lambda turn: {"template": "shop/pattern", "name": f"clone-{turn}"},
    "get_stats": lambda turn: {"namespace": "shop"},
    "list_runtimes": lambda turn: {},
    "reload_tools": lambda turn: {},
    "run_script_in_dir": lambda turn: {"script_content": "print(1)", "namespace": "shop", "async_mode": True},
    "run_script_with_dependencies": lambda turn: {"script_content": "1", "namespace": "shop", "async_mode": True},
    "benchmark_script": lambda turn: {"script_content": "1", "namespace": "shop", "async_mode": True},
    "list_scripts": lambda turn: {"namespace": "shop", "include_autosaved": True},
    "view_script": lambda turn: {"script_name": "shop/order-processing"},
}
"""What each tool is called with, on the first replica (0) and on the second."""
EQUAL = frozenset({TOOL, "execute_tool", "open_application"})
"""Tools whose second answer is the first one: the same run, the same session."""


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE, applications=["console"]) as running:
        yield running


def a_run(name: str, workflow: str = "order-processing", **status: Any) -> dict[str, Any]:
    context = {"prompt": "sell more"} if workflow == "ask" else CONTEXT
    spec = {"workflow": {"name": workflow}, "context": context, "requestedBy": {"user": "ann@example.com"}}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status}


def printed(server: ReviewingServer, run: Mapping[str, str]) -> None:
    """What the one step of the run said, in its pod."""
    pod = attempt_name(run["name"], run["uid"], "charge", 1)
    server.put("pods", {"metadata": {"name": pod, "namespace": "shop"}})
    log = server.logs[pod] = Log()
    log.write(b"charged\n")
    log.end()


def gate(name: str) -> dict[str, Any]:
    made = a_gate("ann@example.com", "agent", nonce=name)
    return {**made, "metadata": {"name": name, "namespace": "shop"}}


@pytest.fixture
async def api() -> AsyncIterator[ReviewingServer]:
    """A namespace with something for each tool."""
    workflows: dict[str, tuple[Any, dict[str, str]]] = {
        "order-processing": (ORDER, {}),
        "pattern": (ORDER, {"penstock.dev/template": "true"}),
        "ask": (PLANNER, {"penstock.dev/purpose": "plan"}),
        "analyst": (ANALYST, {"penstock.dev/purpose": "answer"}),
    }
    async with reviewing() as server:
        for name, (spec, labels) in workflows.items():
            metadata = {"name": name, "namespace": "shop", "labels": {"app.kubernetes.io/part-of": "sales", **labels}}
            server.put("workflows", {"metadata": metadata, "spec": spec})
        steps = {"charge": {"phase": "Succeeded", "attempt": 1}}
        done = a_run("done", phase="Succeeded", steps=steps, progress="1/1", output={"order_id": "ORD-1"})
        printed(server, server.put("workflowruns", done)["metadata"])
        error = {"code": "CARD_DECLINED", "reason": "the card was declined", "step": "charge"}
        server.put("workflowruns", a_run("failed", phase="Failed", error=error))
        server.put("workflowruns", a_run("going", phase="Running", progress="0/1"))
        server.put("workflowruns", a_run("planning", "ask", phase="Running", progress="0/1"))
        for name in ("gate-0", "gate-1", "gate-2", "gate-3", "gate-to-see"):
            server.put("approvalrequests", gate(name))
        server.grants.add((LEAD, "shop"))
        yield server


@pytest.fixture
async def both(api: ReviewingServer, provider: OpenIdProvider) -> AsyncIterator[Balancer]:
    async with balanced() as balancer:
        settings = {
            "mcp_url": f"{balancer.address}/mcp",
            "mcp_oauth_issuer": provider.issuer,
            "mcp_oauth_username_claim": "email",
        }

        def suffix() -> str:
            return secrets.token_hex(4)

        async with (
            server_of(api, new_suffix=suffix, **settings) as one,
            server_of(api, new_suffix=suffix, **settings) as two,
        ):
            balancer.add(one.origin, two.origin)
            yield balancer


async def signed_in(both: Balancer, provider: OpenIdProvider) -> str:
    """The lead's token, good for votes; whichever replica was asked."""
    body, headers = modern("tools/call", "approve_workflow", request_id="shop/none")
    accept = {"Accept": "application/json, text/event-stream", **headers}
    request = httpx2.Request("POST", f"{both.address}/mcp", json=body, headers=accept)
    return await provider.token(f"{both.address}/mcp", Browser("lead"), "console", request)


async def on_each(both: Balancer, client: Client[Any], tool: str, session: str) -> list[dict[str, Any]]:
    """The answers of both replicas, in turn."""
    answers = []
    for turn in range(2):
        arguments = ARGUMENTS[tool](turn)
        if "session_id" in arguments:
            arguments["session_id"] = session
        before = list(both.counts)
        answers.append(await call(client, tool, **arguments))
        # One connection a call, and they take turns: what the one began, the other goes on with.
        assert sum(both.counts) - sum(before) == 1, tool
    return answers


async def test_every_tool_works_from_either(api: ReviewingServer, both: Balancer, provider: OpenIdProvider, era: Era):
    async with both.client(era, await signed_in(both, provider)) as client:
        names = {tool.name for tool in await client.list_tools()}
        assert names == set(ARGUMENTS) | {"execute_shop__ask", "execute_shop__analyst"}
        opened = await call(client, "open_application", uri="application://shop/sales")
        for tool in ARGUMENTS:
            first, second = await on_each(both, client, tool, opened["output"]["session_id"])
            for answer in (first, second):
                assert answer["status"] != "error", f"{tool}: {answer}"
            assert (first == second) or tool not in EQUAL, f"{tool}: {first} {second}"
    for number, verdict in enumerate(("approve", "approve", "reject", "reject")):
        (vote,) = api.get("approvalrequests", f"gate-{number}", "shop")["spec"]["decisions"]
        assert (vote["by"], vote["verdict"]) == (LEAD, verdict)
    assert {"clone-0", "clone-1"} <= set(api.names("workflows"))


async def test_every_resource_reads_from_either(both: Balancer, provider: OpenIdProvider, era: Era):
    addresses = (
        "run://shop/done",
        "run-log://shop/done/charge",
        "workflow://shop/order-processing",
        "approval://shop/gate-to-see",
    )
    async with both.client(era, await signed_in(both, provider)) as client:
        announced = {template.uri_template.partition("://")[0] for template in await client.list_resource_templates()}
        assert announced == {address.partition("://")[0] for address in addresses}
        for address in addresses:
            first, second = [(await client.read_resource(address))[0] for _ in range(2)]
            assert first == second
    assert min(both.counts) >= len(addresses)
