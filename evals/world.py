"""What a task plays in: a data directory of local mode, the real MCP server over stdio, and what they hold then."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastmcp import Client
from fastmcp.client.transports import StdioTransport

from penstock.api.v1alpha1.approval import Decision
from penstock.api.v1alpha1.labels import is_template
from penstock.api.v1alpha1.run import WorkflowRun
from penstock.api.v1alpha1.workflow import Workflow
from penstock.engine.model import RunPhase
from penstock.ports.access import Access, Key
from penstock.settings import CommandSettings, process_environment
from penstock.wiring import open_access

_PASSED_ON = ("PATH", "SSL_CERT_FILE", "UV_", "HTTPS_PROXY", "https_proxy", "NO_PROXY")
"""Beginnings of the variables that the server gets of ours: what a program needs to reach the package index."""
_PATIENCE = 30.0
"""Seconds."""


class World:
    """One data directory with a server on it."""

    def __init__(self, access: Access, client: Client[Any], folder: Path) -> None:
        self._access = access
        self.client = client
        self.folder = folder
        """A place for files that the task is about."""

    async def apply(self, *workflows: Mapping[str, Any]) -> None:
        """Put Workflows there, and wait until the server has them as tools."""
        made = [await self._access.workflows.apply(Workflow.model_validate(dict(each))) for each in workflows]
        wanted = {f"execute_{each.metadata.name.replace('-', '_')}" for each in made if not is_template(each)}

        async def known() -> bool:
            return wanted <= {tool.name for tool in await self.client.list_tools()}

        await _until(known)

    async def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Call a tool as somebody who prepares the task; what it answers."""
        answer = await self.client.call_tool(tool, arguments)
        return answer.structured_content or {}

    async def runs(self, workflow: str = "") -> list[WorkflowRun]:
        """The runs there are, the oldest first; of one Workflow where it is named."""
        runs = reversed(await self._access.runs.list(None))
        return [run for run in runs if not workflow or (run.spec.workflow and run.spec.workflow.name == workflow)]

    async def phases(self, workflow: str) -> list[str]:
        """The phases of a Workflow's runs, the oldest run first."""
        return [run.status.phase for run in await self.runs(workflow)]

    async def workflows(self) -> dict[str, Workflow]:
        """The Workflows there are, by name."""
        return {workflow.metadata.name: workflow for workflow in await self._access.workflows.list(None)}

    async def end(self) -> None:
        """End what still runs: it would go on without a server."""
        for run in await self.runs():
            if not RunPhase(run.status.phase).finished:
                await self._access.runs.request_cancel(Key(run.metadata.namespace, run.metadata.name))

        async def over() -> bool:
            return all(RunPhase(run.status.phase).finished for run in await self.runs())

        await _until(over)

    async def decisions(self) -> list[Decision]:
        """What was decided at gates."""
        return [each for request in await self._access.approvals.list(None) for each in request.spec.decisions]


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE):
        while not await holds():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def world(home: Path) -> AsyncIterator[World]:
    """A new world in an empty directory."""
    folder = home / "files"
    folder.mkdir(parents=True)
    given = {name: value for name, value in process_environment().items() if name.startswith(_PASSED_ON)}
    environment = {**given, "PENSTOCK_HOME": str(home / "data"), "HOME": str(home)}
    transport = StdioTransport(sys.executable, ["-m", "penstock_mcp", "--local"], env=environment, keep_alive=False)
    settings = CommandSettings(mode="local", home=home / "data")
    async with open_access(settings) as access, Client(transport, init_timeout=60) as client:
        place = World(access, client, folder)
        try:
            yield place
        finally:
            await place.end()
