"""The real process over stdio in local mode: a run from start to end, with a gate that the person opens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.messages import MessageHandler
from fastmcp.client.transports import StdioTransport
from mcp.client.subscriptions import listen

from penstock.api.v1alpha1.workflow import Workflow
from penstock.settings import CommandSettings, process_environment
from penstock.wiring import open_access
from tests.support.eventually import eventually
from tests.support.mcp_client import Era, call, tool_names

GREETING: dict[str, Any] = {
    "inputs": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
    "outputs": {"from": "steps.greet.output"},
    "steps": [
        {"name": "greet", "script": {"runtime": "bash", "source": 'echo working\noutput "hello $CTX_name"'}},
    ],
}


def gated() -> dict[str, Any]:
    gate = {"name": "release", "approval": {"approvers": {"users": ["anybody"]}, "message": "Greet?"}}
    return {**GREETING, "steps": [gate, {**GREETING["steps"][0], "needs": ["release"]}]}


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    settings = CommandSettings(mode="local", home=tmp_path)
    async with open_access(settings) as access:
        for name, spec in (("greeting", GREETING), ("gated-greeting", gated())):
            await access.workflows.apply(Workflow.model_validate({"metadata": {"name": name}, "spec": spec}))
    return tmp_path


class Heard(MessageHandler):
    def __init__(self) -> None:
        self.times = 0

    async def on_tool_list_changed(self, message: Any) -> None:
        self.times += 1


@asynccontextmanager
async def over_stdio(home: Path, era: Era, **options: Any) -> AsyncIterator[Client[Any]]:
    # Besides, what a program needs to reach the package index as this machine does.
    passed_on = ("SSL_CERT_FILE", "UV_", "HTTPS_PROXY", "https_proxy", "NO_PROXY")
    given = {name: value for name, value in process_environment().items() if name.startswith(passed_on)}
    environment = {**given, "PENSTOCK_HOME": str(home), "PATH": process_environment()["PATH"], "HOME": str(home)}
    transport = StdioTransport(sys.executable, ["-m", "penstock_mcp", "--local"], env=environment, keep_alive=False)
    async with Client(transport, mode=era, init_timeout=60, **options) as client:
        yield client


async def test_a_workflow_runs_on_this_machine(home: Path, era: Era):
    async with over_stdio(home, era) as client:
        assert {"execute_greeting", "execute_gated_greeting"} <= set(await tool_names(client))
        answer = await call(client, "execute_greeting", context={"name": "Ann"})
        assert answer["status"] == "success", answer
        assert answer["output"] == "hello Ann"
        log = await call(client, "get_run_logs", run=answer["run"], step="greet")
    assert "working" in log["output"]["log"]


async def test_the_person_at_this_machine_opens_the_gate(home: Path, era: Era):
    async with over_stdio(home, era) as client:
        stopped = await call(client, "execute_gated_greeting", context={"name": "Ann"})
        assert stopped["status"] == "waiting", stopped
        (approval,) = stopped["approvals"]
        seen = await call(client, "get_approval", request_id=approval["request_id"])
        decided = await call(client, "approve_workflow", request_id=approval["request_id"], comment="fine")
        ended = await call(client, "wait_for_run", run=stopped["run"])
    assert seen["output"]["digest"] == decided["output"]["digest"] == approval["digest"]
    assert ended["status"] == "success", ended
    assert ended["output"] == "hello Ann"


async def test_a_rejected_gate_ends_the_run(home: Path):
    async with over_stdio(home, "auto") as client:
        stopped = await call(client, "execute_gated_greeting", context={"name": "Ann"})
        await call(client, "reject_workflow", request_id=stopped["approvals"][0]["request_id"], reason="no greetings")
        ended = await call(client, "wait_for_run", run=stopped["run"])
    assert ended["status"] == "failed"


async def add_late(home: Path) -> None:
    async with open_access(CommandSettings(mode="local", home=home)) as access:
        await access.workflows.apply(Workflow.model_validate({"metadata": {"name": "late"}, "spec": GREETING}))


async def test_a_client_of_the_handshake_era_is_told_of_a_workflow_that_comes_later(home: Path):
    async with over_stdio(home, "legacy", message_handler=(heard := Heard())) as client:
        await add_late(home)
        await eventually(lambda: heard.times)
        assert "execute_late" in await tool_names(client)


async def test_a_listener_is_told_of_a_workflow_that_comes_later(home: Path):
    async with (
        asyncio.timeout(20),
        over_stdio(home, "auto") as client,
        listen(client.session, tools_list_changed=True) as events,
    ):
        await add_late(home)
        assert type(await anext(aiter(events))).__name__ == "ToolsListChanged"
        assert "execute_late" in await tool_names(client)
