"""Runs as tasks of the protocol, for clients that speak them (2026-07-28, extension io.modelcontextprotocol/tasks).

A task is its run: the id is the run's own handle, so it survives restarts of client and server, and any replica
answers.
https://modelcontextprotocol.io, SEP-2663; the extension API is FastMCP's own (fastmcp.server.extensions).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from fastmcp import Context
from fastmcp.server.dependencies import get_http_request
from fastmcp.server.extensions import (
    MethodBinding,
    ServerExtension,
    ToolCallContinuation,
    ToolCallOutcome,
    read_client_extension_settings,
)
from fastmcp.tools.base import ToolResult
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.inbound import MCP_NAME_HEADER, decode_header_value
from mcp_types import CallToolRequestParams, CallToolResult, RequestParams, Result
from mcp_types.jsonrpc import HEADER_MISMATCH, INTERNAL_ERROR, INVALID_PARAMS, MISSING_REQUIRED_CLIENT_CAPABILITY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import BaseModel, ConfigDict, Field

from penstock.api.v1alpha1.run import WorkflowRun
from penstock.application.outcomes import run_id
from penstock.engine.model import RunPhase
from penstock.errors import PenstockError, TransientError, UserError
from penstock.ports.access import Access
from penstock_mcp.calls import Callers
from penstock_mcp.gate_questions import Questions
from penstock_mcp.text import one_line
from penstock_mcp.views import FOLLOWED

TASKS = "io.modelcontextprotocol/tasks"
POLL_MS = 2000
TTL_MS = 7 * 24 * 3600 * 1000
"""What a client may count on; the run itself is kept as long as its Workflow's retention says."""
MAX_MESSAGE = 512

Answer = Callable[[Access, WorkflowRun], Awaitable[ToolResult]]
"""What a tool would have answered, had it waited to the end of the run."""


class _Wire(BaseModel):
    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)


class Task(_Wire):
    """A task as it stands."""

    task_id: str = Field(alias="taskId")
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = Field(default=None, alias="statusMessage")
    created_at: str = Field(alias="createdAt")
    last_updated_at: str = Field(alias="lastUpdatedAt")
    ttl_ms: int = Field(default=TTL_MS, alias="ttlMs")
    poll_interval_ms: int = Field(default=POLL_MS, alias="pollIntervalMs")


class CreateTaskResult(Task):
    """The answer of a tool call that goes on as a task."""

    result_type: Literal["task"] = Field(default="task", alias="resultType")


class GetTaskResult(Task):
    """The answer of tasks/get."""

    result_type: Literal["complete"] = Field(default="complete", alias="resultType")
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = Field(default=None, alias="inputRequests")


class Acknowledged(Result):
    """The answer of tasks/update and tasks/cancel: what came of it, tasks/get tells."""

    result_type: Literal["complete"] = Field(default="complete", serialization_alias="resultType")


class TaskParams(RequestParams):
    """Which task."""

    model_config = ConfigDict(populate_by_name=True)
    task_id: str = Field(alias="taskId")


class UpdateParams(TaskParams):
    """Which task, and what its questions were answered with."""

    input_responses: dict[str, Any] = Field(alias="inputResponses")


class RunTasks(ServerExtension):
    """The extension."""

    identifier = TASKS

    def __init__(self, callers: Callers, answer: Answer, questions: Questions) -> None:
        self._callers = callers
        self._answer = answer
        self._questions = questions

    def methods(self) -> Sequence[MethodBinding]:
        """Looking at a task, answering its questions, cancelling it."""
        eras = frozenset(MODERN_PROTOCOL_VERSIONS)
        return [
            MethodBinding("tasks/get", TaskParams, self._get, eras),
            MethodBinding("tasks/update", UpdateParams, self._update, eras),
            MethodBinding("tasks/cancel", TaskParams, self._cancel, eras),
        ]

    async def intercept_tool_call(
        self,
        params: CallToolRequestParams,  # noqa: ARG002 - the framework's signature
        context: Context,
        call_next: ToolCallContinuation,
    ) -> ToolCallOutcome:
        """Answer with a task where the tool was still following its run and the client speaks tasks."""
        outcome = await call_next()
        request = context.request_context
        if request is None or request.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return outcome
        if context.client_extension_settings(TASKS) is None or not isinstance(outcome, ToolResult):
            return outcome
        followed = (outcome.meta or {}).get(FOLLOWED)
        if followed is None:
            return outcome
        access = self._callers.access()
        run = await access.runs.get(self._callers.key(followed))
        return CreateTaskResult(**await self._standing(access, run))

    async def _get(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> GetTaskResult:
        access, run = await self._found(ctx, params)
        standing = await self._standing(access, run)
        if RunPhase(run.status.phase) is RunPhase.CANCELLED:
            return GetTaskResult(**standing)
        if RunPhase(run.status.phase).finished:
            return await self._ended(access, run, standing)
        asked = await self._questions.pending(access, run)
        requests = {name: question.model_dump(by_alias=True, exclude_none=True) for name, question in asked.items()}
        return GetTaskResult(**standing, input_requests=requests or None)

    async def _update(self, ctx: ServerRequestContext[Any, Any], params: UpdateParams) -> Acknowledged:
        access, run = await self._found(ctx, params)
        try:
            await self._questions.answer(access, run, params.input_responses)
        except PenstockError as error:
            raise _refused(error) from error
        return Acknowledged()

    async def _cancel(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> Acknowledged:
        access, run = await self._found(ctx, params)
        if not RunPhase(run.status.phase).finished:
            try:
                await access.runs.request_cancel(self._callers.key(run_id(run)))
            except PenstockError as error:
                raise _refused(error) from error
        return Acknowledged()

    async def _found(self, ctx: ServerRequestContext[Any, Any], params: TaskParams) -> tuple[Access, WorkflowRun]:
        """The task's run, if this caller may see it; what they may not see is as unknown as what is not there."""
        if read_client_extension_settings(ctx, TASKS) is None:
            needed: dict[str, Any] = {"requiredCapabilities": {"extensions": {TASKS: {}}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, f"this needs the extension {TASKS}", data=needed)
        if _header_task() not in (None, params.task_id):
            raise MCPError(HEADER_MISMATCH, "the header Mcp-Name names another task than the request")
        try:
            access = self._callers.access()
            return access, await access.runs.get(self._callers.key(params.task_id))
        except TransientError as error:
            raise _refused(error) from error
        except UserError as error:
            raise MCPError(INVALID_PARAMS, f"Task {one_line(params.task_id, 128)!r} not found") from error

    async def _ended(self, access: Access, run: WorkflowRun, standing: Mapping[str, Any]) -> GetTaskResult:
        try:
            result = _wire_result(await self._answer(access, run))
        except MCPError as error:
            fields = {**standing, "status": "failed"}
            return GetTaskResult(**fields, error={"code": error.code, "message": error.message})
        return GetTaskResult(**standing, result=result)

    async def _standing(self, access: Access, run: WorkflowRun) -> dict[str, Any]:
        phase = RunPhase(run.status.phase)
        status = "working"
        if phase is RunPhase.CANCELLED:
            status = "cancelled"
        elif phase.finished:
            status = "completed"
        elif phase is RunPhase.WAITING and await self._questions.pending(access, run):
            status = "input_required"
        created = run.metadata.creation_timestamp
        times = (run.status.finished_at, *(step.started_at for step in run.status.steps.values()), created)
        return {
            "task_id": run_id(run),
            "status": status,
            "status_message": _message(run),
            "created_at": _moment(created),
            "last_updated_at": _moment(max((time for time in times if time is not None), default=None)),
        }


def _message(run: WorkflowRun) -> str:
    if run.status.waiting_for:
        return one_line(f"Waits for {run.status.waiting_for}", MAX_MESSAGE)
    progress = f", {run.status.progress} steps" if run.status.progress else ""
    return f"Run {run_id(run)} is {run.status.phase}{progress}"


def _header_task() -> str | None:
    try:
        return decode_header_value(get_http_request().headers.get(MCP_NAME_HEADER))
    except RuntimeError:
        return None


def _wire_result(result: ToolResult) -> dict[str, Any]:
    complete = CallToolResult(
        content=result.content,
        structured_content=result.structured_content,
        is_error=result.is_error,
        meta=result.meta,
    )
    return complete.model_dump(mode="json", by_alias=True, exclude_none=True)


def _refused(error: PenstockError) -> MCPError:
    code = INTERNAL_ERROR if isinstance(error, TransientError) else INVALID_PARAMS
    return MCPError(
        code, f"{error.code}: {one_line(str(error), MAX_MESSAGE)} {one_line(error.hint, MAX_MESSAGE)}".strip()
    )


def _moment(moment: datetime | None) -> str:
    # An object always has its time of creation; only a test's may lack it.
    return moment.isoformat().replace("+00:00", "Z") if moment else "1970-01-01T00:00:00Z"
