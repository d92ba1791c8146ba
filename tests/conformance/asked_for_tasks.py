"""The tools that the suite's tasks scenarios call by name: each starts a run, as ours do, and the run becomes a task.

What becomes of the runs is decided here, in place of an operator; everything that the protocol sees is our own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from fastmcp import Context, FastMCP
from fastmcp.tools.base import ToolResult
from mcp.shared.exceptions import MCPError
from mcp_types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    ElicitRequest,
    ElicitRequestFormParams,
    InputRequiredResult,
)

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.outcomes import run_id
from penstock.ports.access import Access, Key
from penstock_mcp.backend import OwnBackend
from penstock_mcp.server import Options, create_server
from penstock_mcp.tasks import TASKS
from penstock_mcp.views import followed
from tests.support.mcp_client import QUICK
from tests.support.memory_access import World, a_workflow, key_of

STEP_SECONDS = 0.02


class Fates:
    """What becomes of each run, and what it asks meanwhile."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts: dict[Key, str] = {}
        self._asked: dict[Key, set[str]] = {}
        self._going_on: set[asyncio.Task[None]] = set()
        self._numbers = iter(range(1, 1_000_000))

    async def start(self, seconds: float, text: str, *, asks: tuple[str, ...] = (), wait: bool = False) -> ToolResult:
        """A run that ends after so many seconds, or once all that it asks is answered."""
        run = a_workflow("asked-for")
        self._world.put(run)
        name = f"asked-for-{next(self._numbers)}"
        spec = {"workflow": {"name": "asked-for"}, "context": {"customer_id": "CUST-1"}}
        made = await self._world.access().runs.create(
            WorkflowRun.model_validate({"metadata": {"name": name, "namespace": "shop"}, "spec": spec})
        )
        key = key_of(made)
        self._texts[key], self._asked[key] = text, set(asks)
        self._world.change(key, phase="Waiting" if asks else "Running")
        task = asyncio.create_task(self._live(key, seconds))
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)
        if wait:
            await task
            return await self.answer(self._world.access(), self._world.runs[key])
        return followed({"status": "running", "run": run_id(made)})

    async def _live(self, key: Key, seconds: float) -> None:
        for _ in range(int(seconds / STEP_SECONDS)):
            if self._world.runs[key].spec.cancel:
                self._world.change(key, phase="Cancelled")
                return
            await asyncio.sleep(STEP_SECONDS)
        if not self._asked[key]:
            self._world.succeed(key)

    async def answer(self, access: Access, run: WorkflowRun) -> ToolResult:
        text = self._texts[key_of(run)]
        if text == "protocol error":
            raise MCPError(-32603, "the job broke")
        return ToolResult(content=text, is_error=text == "tool error")

    async def pending(self, access: Access, run: WorkflowRun) -> Mapping[str, ElicitRequest]:
        return {name: _question(name) for name in sorted(self._asked[key_of(run)])}

    async def take(self, access: Access, run: WorkflowRun, answers: Mapping[str, Any]) -> None:
        key = key_of(run)
        self._asked[key] -= set(answers)
        if not self._asked[key]:
            self._world.succeed(key)


class _Questions:
    def __init__(self, fates: Fates) -> None:
        self.pending = fates.pending
        self.answer = fates.take


def _question(name: str) -> ElicitRequest:
    schema = {"type": "object", "properties": {"confirm": {"type": "boolean"}}}
    return ElicitRequest(params=ElicitRequestFormParams(message=f"{name}?", requested_schema=schema))


def server_with_tasks(new_suffix: Callable[[], str]) -> FastMCP:
    """Our server over a world in memory, with the tools that the tasks scenarios ask for."""
    world = World(local=True)
    server = create_server(
        OwnBackend(world.access(), "shop"), _Own(), new_suffix=new_suffix, options=Options(0.3, QUICK)
    )
    fates = Fates(world)
    extension: Any = server._extensions[TASKS]
    extension._answer, extension._questions = fates.answer, _Questions(fates)
    _add_tools(server, fates)
    return server


class _Own:
    def current(self) -> None:
        return None

    def may(self, scope: str) -> bool:
        return True

    def person(self) -> bool:
        return True

    def signed_in_recently(self) -> bool:
        return True


def _add_tools(server: FastMCP, fates: Fates) -> None:
    @server.tool(output_schema=None)
    async def greet(name: str) -> str:
        """Answers at once."""
        return f"Hello, {name}!"

    @server.tool(output_schema=None)
    async def slow_compute(seconds: float, label: str = "") -> ToolResult:
        """Takes its time; none at all where it takes none."""
        return await fates.start(seconds, f"computed {label}", wait=seconds == 0)

    @server.tool(output_schema=None)
    async def failing_job(ctx: Context) -> ToolResult:
        """Fails, and is for clients that speak tasks only."""
        if ctx.client_extension_settings(TASKS) is None:
            data = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "this tool runs as a task", data=data)
        return await fates.start(0.1, "tool error")

    @server.tool(output_schema=None)
    async def protocol_error_job() -> ToolResult:
        """Breaks."""
        return await fates.start(0.1, "protocol error")

    @server.tool(output_schema=None)
    async def confirm_delete(filename: str) -> ToolResult:
        """Asks once."""
        return await fates.start(60, f"deleted {filename}", asks=("confirm",))

    @server.tool(output_schema=None)
    async def multi_input() -> ToolResult:
        """Asks two things at once."""
        return await fates.start(60, "both answered", asks=("first", "second"))

    @server.tool(output_schema=None)
    async def test_tool_with_task(ctx: Context) -> Any:
        """Asks first and then goes on as a task."""
        answers = ctx.input_responses or {}
        if "user_name" not in answers:
            schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
            asked = ElicitRequest(params=ElicitRequestFormParams(message="Your name?", requested_schema=schema))
            return InputRequiredResult(input_requests={"user_name": asked})
        return await fates.start(0.1, f"Hello, {(answers['user_name'].content or {}).get('name')}!")
