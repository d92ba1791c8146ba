"""People who sign in at a real provider, and programs with API keys, drive the example: who may decide, and who not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult

from tests.cluster import audit
from tests.cluster.layout import from_environment
from tests.support.cluster import MCP_SERVER, RELEASE, ROOT, SYSTEM_NAMESPACE, Cluster
from tests.support.command_line import CommandLine, output_of
from tests.support.host_mcp import host_mcp_server
from tests.support.installation import Installation
from tests.support.mcp_client import answer_of, call, said, tool_names
from tests.support.openid_provider import Browser, OpenIdProvider, openid_provider, sign_in
from tests.support.tenant import ALICE, LEAD, MALLORY, Tenant

WORKFLOW = "order-processing"
CONTEXT = {"customer_id": "CUST-12345", "order_total": 899.99}
SECRET = "penstock-api-keys"
PEOPLE = {
    person.name.split("@")[0]: {"email": person.name, "email_verified": True} for person in (ALICE, LEAD, MALLORY)
}
PEOPLE["stranger"] = {"email": "stranger@example.com", "email_verified": True}


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdProvider]:
    with openid_provider(PEOPLE, applications=["agent", "phone"]) as running:
        yield running


@pytest.fixture
def endpoint(tenant: Tenant, installation: Installation, provider: OpenIdProvider, tmp_path: Path) -> Iterator[str]:
    """The server, with the rights that the chart gives it, and the example to run."""
    tenant.kubectl(ALICE, "apply", "-f", str(ROOT / "examples" / "order-processing.yaml"))
    tenant.workflow_says(WORKFLOW, "Ready=True")
    settings = {
        "MCP_OAUTH_ISSUER": provider.issuer,
        "MCP_OAUTH_USERNAME_CLAIM": "email",
        "MCP_API_KEYS_SECRET": SECRET,
    }
    with host_mcp_server(installation.cluster, tmp_path, settings) as address:
        yield address


class Chat:
    """A person's chat, in one application."""

    def __init__(self, endpoint: str, person: str, application: str) -> None:
        self._endpoint = endpoint
        self._auth = sign_in(endpoint, Browser(person), application)

    def open(self, **options: Any) -> Client[Any]:
        return Client(self._endpoint, auth=self._auth, **options)


def tool_of(tenant: Tenant) -> str:
    return f"execute_{tenant.namespace.replace('-', '_')}__order_processing"


async def refusal(chat: Chat, request: str) -> str:
    """Why this chat may not approve."""
    async with chat.open() as client:
        answer = await call(client, "approve_workflow", request_id=request, comment="the customer is known")
    assert answer["status"] == "error", answer
    return f"{answer['error']}: {answer['message']}"


async def test_only_another_person_through_another_client_opens_the_gate(endpoint: str, tenant: Tenant) -> None:
    log = from_environment().audit_log
    since = audit.end(log)
    asked: list[str] = []

    async def person(message: str, response_type: Any, params: Any, context: Any) -> Any:
        asked.append(message)
        return ElicitResult(action="accept", content={"decision": "approve", "comment": "the customer is known"})

    async with Chat(endpoint, "alice", "agent").open() as client:
        assert tool_of(tenant) in await tool_names(client)
        started = await call(client, tool_of(tenant), context=CONTEXT, timeout=120)
    assert started["status"] == "waiting", started
    name = started["run"].split("/")[1]
    run = tenant.run(name)
    requested = run["spec"]["requestedBy"]
    assert (requested["user"], requested["client"]) == (ALICE.name, "agent")
    (gate,) = started["approvals"]
    request = gate["request_id"]

    assert "asked for this run" in await refusal(Chat(endpoint, "alice", "agent"), request)
    assert "asked for this run" in await refusal(Chat(endpoint, "alice", "phone"), request)
    assert "the client agent" in await refusal(Chat(endpoint, "lead", "agent"), request)
    assert "you are not an approver" in await refusal(Chat(endpoint, "mallory", "phone"), request)
    assert tenant.gate(tenant.run(name), "release")["spec"]["decisions"] == []

    async with Chat(endpoint, "lead", "phone").open(elicitation_handler=person) as client:
        answer = await call(client, "approve_workflow", request_id=request)
        assert answer["status"] == "success", answer
        waited = await call(client, "wait_for_run", run=started["run"], timeout=120)
    assert (waited["status"], waited["output"]) == ("success", {"order_id": "ORD-12345", "lines": []})
    (question,) = asked
    (decision,) = tenant.gate(tenant.run(name), "release")["spec"]["decisions"]
    assert (decision["by"], decision["client"], decision["verdict"]) == (LEAD.name, "phone", "approve")
    assert decision["digest"] in question

    ours = [write for write in audit.writes(log, since) if write.namespace == tenant.namespace]
    by_server = [write for write in ours if write.user == MCP_SERVER]
    assert {write.impersonated for write in by_server} == {ALICE.name, LEAD.name, MALLORY.name}
    assert [(write.impersonated, write.code < 300) for write in by_server if write.resource == "approvalrequests"] == [
        (MALLORY.name, False),
        (LEAD.name, True),
    ]


async def test_what_rbac_refuses_is_told_and_audited_under_the_persons_name(endpoint: str, tenant: Tenant) -> None:
    log = from_environment().audit_log
    since = audit.end(log)
    run = tenant.start(WORKFLOW, CONTEXT)
    async with Chat(endpoint, "lead", "phone").open() as client:
        assert tool_of(tenant) not in await tool_names(client)
        hidden = await answer_of(client, tool_of(tenant), context=CONTEXT)
        cancelled = await call(client, "cancel_run", run=f"{tenant.namespace}/{run}")
    assert said(hidden) == f"Unknown tool: '{tool_of(tenant)}'"
    assert cancelled["error"] == "FORBIDDEN"
    assert LEAD.name in cancelled["message"]
    refused = [
        (write.user, write.impersonated, write.code)
        for write in audit.writes(log, since)
        if (write.namespace, write.resource, write.verb) == (tenant.namespace, "workflowruns", "patch")
        and write.user == MCP_SERVER
    ]
    assert refused == [(MCP_SERVER, LEAD.name, 403)]


async def test_whoever_may_not_look_learns_not_even_what_is_there(endpoint: str, tenant: Tenant) -> None:
    run = tenant.start(WORKFLOW, CONTEXT)
    gate = tenant.gate(tenant.phase(run, "Waiting"), "release")["metadata"]["name"]
    looks = {
        "get_run": {"run": run},
        "get_run_logs": {"run": run, "step": "charge"},
        "cancel_run": {"run": run},
        "get_approval": {"request_id": gate},
        "approve_workflow": {"request_id": gate},
    }
    async with Chat(endpoint, "stranger", "phone").open() as client:
        for tool, arguments in looks.items():
            handle, name = next(iter(arguments.items()))
            there = await call(client, tool, **{**arguments, handle: f"{tenant.namespace}/{name}"})
            nowhere = await call(client, tool, **{**arguments, handle: f"{tenant.namespace}/nothing"})
            assert there["error"] == "FORBIDDEN"
            assert {**there, "message": there["message"].replace(f'"{name}"', '"nothing"')} == nowhere


@pytest.fixture
def penstock(cluster: Cluster, tmp_path: Path) -> Iterator[CommandLine]:
    """The administrator's command line; keys that it made go with the test."""
    yield CommandLine(cluster.kubeconfig, tmp_path)
    cluster.kubectl("delete", "secret", SECRET, "-n", SYSTEM_NAMESPACE, "--ignore-not-found", check=False)


def a_key(penstock: CommandLine, *words: str) -> str:
    """A new key, as the command shows it."""
    made = penstock("--cluster", "apikey", "create", "--scope", "runs:write", *words)
    assert made.returncode == 0, output_of(made)
    return made.stdout.strip()


async def test_a_program_with_a_key_runs_as_its_owner_until_the_key_is_revoked(
    endpoint: str, tenant: Tenant, penstock: CommandLine, cluster: Cluster
) -> None:
    key = a_key(penstock, "--owner", "robot:ci", "--note", "e2e")
    tenant.admin("create", "rolebinding", "ci", f"--clusterrole={RELEASE}-runner", "--user=robot:ci")
    async with Client(endpoint, auth=key) as client:
        assert tool_of(tenant) in await tool_names(client)
        small = {**CONTEXT, "order_total": 12}
        answer = await call(client, tool_of(tenant), context=small, timeout=120)
    assert answer["status"] == "success", answer
    identifier = key.split("_")[1]
    requested = tenant.run(answer["run"].split("/")[1])["spec"]["requestedBy"]
    assert (requested["user"], requested["client"]) == ("robot:ci", f"apikey:{identifier}")
    kept = cluster.kubectl("get", "secret", SECRET, "-n", SYSTEM_NAMESPACE, "-o", "json").stdout
    assert key not in kept

    listed = penstock("--cluster", "apikey", "list")
    assert f"{identifier}   robot:ci" in listed.stdout, output_of(listed)
    assert penstock("--cluster", "apikey", "revoke", identifier).returncode == 0
    async with asyncio.timeout(20), httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}) as http:
        while (await http.post(endpoint, json={})).status_code != 401:
            await asyncio.sleep(0.2)


async def test_an_approvers_key_decides_on_nothing(endpoint: str, tenant: Tenant, penstock: CommandLine) -> None:
    key = a_key(penstock, "--owner", LEAD.name)
    run = tenant.start(WORKFLOW, CONTEXT)
    gate = tenant.gate(tenant.phase(run, "Waiting"), "release")["metadata"]["name"]
    async with Client(endpoint, auth=key) as client:
        answer = await call(client, "approve_workflow", request_id=f"{tenant.namespace}/{gate}", comment="go")
    assert answer["error"] == "FORBIDDEN"
    assert "API keys may not decide" in answer["message"]
    assert tenant.gate(tenant.run(run), "release")["spec"]["decisions"] == []
