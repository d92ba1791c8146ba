"""The WorkflowRun: one execution. Source of crds/workflowruns.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.meta import AnyJson, ApiModel, ApiObject, Condition, FreeForm, ObjectName, Timestamp
from penstock.api.v1alpha1.workflow import Revision, WorkflowSpec

Phase = Annotated[str, Field(max_length=32)]
Name63 = Annotated[str, Field(max_length=63)]
Digest = Annotated[str, Field(max_length=80)]
Text = Annotated[str, Field(max_length=4096)]


class WorkflowReference(ApiModel):
    """Which Workflow, and which revision of it (default: the current one)."""

    name: ObjectName
    revision: Name63 | None = None


class RequestedBy(ApiModel):
    """Who asked for the run; stamped at admission from the caller."""

    user: Annotated[str, Field(max_length=253)]
    client: Annotated[str, Field(max_length=253)] = ""
    groups: Annotated[
        tuple[Annotated[str, Field(max_length=253)], ...],
        Field(max_length=256, json_schema_extra={"x-kubernetes-list-type": "set"}),
    ] = ()


class WorkflowRunSpec(ApiModel):
    """What to run, with what, for whom. Immutable but for `cancel`."""

    workflow: WorkflowReference | None = None
    inline: WorkflowSpec | None = None
    context: FreeForm = Field(default_factory=dict)
    requested_by: RequestedBy | None = None
    idempotency_key: Annotated[str, Field(max_length=253)] | None = None
    cancel: bool = False


class ErrorStatus(ApiModel):
    """Why something did not succeed."""

    code: Annotated[str, Field(max_length=128)]
    reason: Text = ""
    step: Name63 | None = None


class GateStatus(ApiModel):
    """The gate of a step."""

    name: Name63
    round: int
    digest: Digest
    expires_at: Timestamp
    outcome: Phase | None = None
    decided_by: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(max_length=64)] = ()


class StepStatus(ApiModel):
    """Where a step stands."""

    phase: Phase = "Pending"
    attempt: int = 0
    digest: Digest | None = None
    uid: Annotated[str, Field(max_length=64)] | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    retry_at: Timestamp | None = None
    output: AnyJson = None
    error: ErrorStatus | None = None
    gate: GateStatus | None = None
    message: Text | None = None


class WorkflowRunStatus(ApiModel):
    """Where a run stands; written by the operator alone, for it is the write-ahead log."""

    phase: Phase = "Pending"
    progress: Annotated[str, Field(max_length=32)] = ""
    """Finished steps of all steps, as `3/7`."""
    waiting_for: Text | None = None
    """What holds the run up: gates and whom they wait for."""
    stopping: Phase | None = None
    """The phase that the run will end in once what still runs has ended."""
    revision: Revision | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = ()
    steps: dict[Name63, StepStatus] = Field(default_factory=dict)
    output: AnyJson = None
    error: ErrorStatus | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None


class WorkflowRun(ApiObject):
    """A WorkflowRun with its metadata."""

    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["WorkflowRun"] = "WorkflowRun"
    spec: WorkflowRunSpec
    status: WorkflowRunStatus = WorkflowRunStatus()
