"""Runs as the protocol's tasks, spoken raw: what a client sends and gets, without one that hides it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from fastmcp import FastMCP

from penstock.ports.access import Key
from tests.support.mcp_client import ANN, Switchable, a_server, own, shared
from tests.support.memory_access import World, a_workflow, key_of

TASKS = "io.modelcontextprotocol/tasks"
TOOL = "execute_order_processing"
CONTEXT = {"customer_id": "CUST-1"}
RUN = "shop/order-processing-n1"
KEY = Key("shop", "order-processing-n1")


class Caller:
    """Speaks 2026-07-28 over HTTP, with tasks or without."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._numbers = itertools.count(1)

    async def __call__(self, method: str, *, tasks: bool = True, header: str = "", **params: Any) -> dict[str, Any]:
        capabilities: dict[str, Any] = {"elicitation": {}}
        if tasks:
            capabilities["extensions"] = {TASKS: {}}
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": capabilities,
        }
        name = header or params.get("name") or params.get("taskId") or ""
        headers = {
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": "2026-07-28",
            "Mcp-Method": method,
            **({"Mcp-Name": name} if name else {}),
        }
        body = {"jsonrpc": "2.0", "id": next(self._numbers), "method": method, "params": {**params, "_meta": meta}}
        answer: dict[str, Any] = (await self._client.post("/mcp", json=body, headers=headers)).json()
        result = answer.get("result") or answer["error"]
        # What every answer of this version carries.
        result.pop("_meta", None)
        return result

    async def start(self, **arguments: Any) -> dict[str, Any]:
        return await self("tools/call", name=TOOL, arguments={"context": CONTEXT, "wait": False, **arguments})


@asynccontextmanager
async def calling(server: FastMCP) -> AsyncIterator[Caller]:
    app = server.http_app(path="/mcp", stateless_http=True)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://localhost") as client,
    ):
        yield Caller(client)


@pytest.fixture
def world() -> World:
    return World(a_workflow(), local=True)


async def test_a_run_that_goes_on_is_a_task_of_its_own_name(world: World):
    async with calling(a_server(own(world))) as call:
        task = await call.start()
        assert task["resultType"] == "task"
        assert (task["taskId"], task["status"]) == (RUN, "working")
        world.succeed(KEY, {"order_id": "ORD-1"})
        ended = await call("tasks/get", taskId=RUN)
    assert (ended["status"], ended["resultType"]) == ("completed", "complete")
    assert ended["result"]["structuredContent"] == {"status": "success", "output": {"order_id": "ORD-1"}, "run": RUN}
    assert ended["result"]["isError"] is False


async def test_a_run_that_ends_in_time_is_answered_at_once(world: World):
    world.on_create = lambda run: world.succeed(key_of(run), 7)
    async with calling(a_server(own(world))) as call:
        answer = await call.start(wait=True)
    assert answer["structuredContent"]["output"] == 7


async def test_a_client_that_speaks_no_tasks_gets_the_runs_handle(world: World):
    async with calling(a_server(own(world))) as call:
        answer = await call("tools/call", tasks=False, name=TOOL, arguments={"context": CONTEXT, "wait": False})
        refused = await call("tasks/get", tasks=False, taskId=RUN)
    assert answer["structuredContent"]["run"] == RUN
    assert refused["code"] == -32021


async def test_only_looking_at_a_run_is_no_task(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
        looked = await call("tools/call", name="get_run", arguments={"run": RUN})
    assert looked["structuredContent"]["status"] == "running"


async def test_any_replica_answers_for_a_task_also_after_a_restart(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
    async with calling(a_server(own(world))) as call:
        assert (await call("tasks/get", taskId=RUN))["status"] == "working"
        await call("tasks/cancel", taskId=RUN)
    assert world.runs[KEY].spec.cancel


async def test_a_failed_run_is_a_completed_task_that_says_why(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
        world.fail(KEY)
        ended = await call("tasks/get", taskId=RUN)
    assert ended["status"] == "completed"
    assert ended["result"]["structuredContent"]["error_code"] == "CARD_DECLINED"


async def test_cancelling_is_asked_for_once_and_acknowledged_always(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
        assert await call("tasks/cancel", taskId=RUN) == {"resultType": "complete"}
        world.change(KEY, phase="Cancelled")
        assert (await call("tasks/get", taskId=RUN))["status"] == "cancelled"
        assert await call("tasks/cancel", taskId=RUN) == {"resultType": "complete"}


async def test_a_gate_asks_the_one_who_may_open_it_until_they_answered(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
        gate = world.ask(KEY, "Release\u202e it?")
        waiting = await call("tasks/get", taskId=RUN)
        ((name, question),) = waiting["inputRequests"].items()
        stranger = await call("tasks/update", taskId=RUN, inputResponses={"else": {"action": "accept"}})
        declined = await call("tasks/update", taskId=RUN, inputResponses={name: {"action": "decline"}})
        assert not world.approval(gate).spec.decisions
        answer = {"action": "accept", "content": {"decision": "approve", "comment": "fine"}}
        done = await call("tasks/update", taskId=RUN, inputResponses={name: answer})
        after = await call("tasks/get", taskId=RUN)
    assert waiting["status"] == "input_required"
    assert question["method"] == "elicitation/create"
    assert "Release it?" in question["params"]["message"]
    assert world.approval(gate).spec.request.digest in question["params"]["message"]
    assert stranger == declined == done == {"resultType": "complete"}
    (decision,) = world.approval(gate).spec.decisions
    assert (decision.verdict, decision.comment) == ("approve", "fine")
    assert (after["status"], after.get("inputRequests")) == ("working", None)


async def test_who_asked_for_the_run_is_told_whom_it_waits_for_and_is_asked_nothing():
    world = World(a_workflow())
    async with calling(a_server(shared(world, "shop"), Switchable(ANN))) as call:
        await call("tools/call", name=TOOL, arguments={"context": CONTEXT, "wait": False})
        world.ask(KEY)
        world.change(KEY, waitingFor="approval by lead@example.com")
        seen = await call("tasks/get", taskId=RUN)
    assert seen["status"] == "working"
    assert "lead@example.com" in seen["statusMessage"]


async def test_somebody_elses_task_is_as_unknown_as_one_that_is_not_there(world: World):
    caller = Switchable(ANN)
    server = a_server(shared(world, "shop", reach=lambda actor: None if actor == ANN else ("lab",)), caller)
    async with calling(server) as call:
        await call("tools/call", name=TOOL, arguments={"context": CONTEXT, "wait": False})
        caller.actor = type(ANN)("oidc:bob", "web")
        for method, more in (("tasks/get", {}), ("tasks/cancel", {}), ("tasks/update", {"inputResponses": {}})):
            foreign = await call(method, taskId=RUN, **more)
            unknown = await call(method, taskId="shop/order-processing-n9", **more)
            assert foreign["code"] == unknown["code"] == -32602
            assert foreign["message"].replace("n1", "n9") == unknown["message"]
    assert not world.runs[KEY].spec.cancel


async def test_a_header_that_names_another_task_is_refused(world: World):
    async with calling(a_server(own(world))) as call:
        await call.start()
        assert (await call("tasks/get", header="shop/other", taskId=RUN))["code"] == -32020
