"""The WorkflowRun: one execution. Source of crds/workflowruns.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.items import ItemsStatus, known
from penstock.api.v1alpha1.meta import (
    MAX_STEPS,
    AnyJson,
    ApiModel,
    ApiObject,
    Conditions,
    FreeForm,
    Identity,
    ObjectName,
    StepName,
    Timestamp,
    named_like_a_label,
    rules,
    served_default,
)
from penstock.api.v1alpha1.output_reference import OutputReference
from penstock.api.v1alpha1.workflow import MAX_FINALLY, Revision, WorkflowSpec
from penstock.engine.model import RunPhase, StepPhase

Phase = Annotated[str, Field(max_length=32)]
Name63 = Annotated[str, Field(max_length=63)]
Digest = Annotated[str, Field(max_length=80)]
MAX_DEPTH = 8
"""Runs above a run."""
Text = Annotated[str, Field(max_length=4096)]


class WorkflowReference(ApiModel):
    """Which Workflow, and which revision of it (default: the current one)."""

    name: ObjectName
    """Name of a Workflow in the same namespace."""
    revision: Name63 | None = None
    """Name of one of its revisions."""


class RequestedBy(Identity):
    """Who asked for the run; stamped at admission from the caller."""


class ParentReference(ApiModel):
    """The step of another run that this run is an attempt at."""

    run: ObjectName
    """Name of the run, in the same namespace."""
    uid: Annotated[str, Field(max_length=64)]
    """UID of the run."""
    step: StepName
    """Name of the step."""
    attempt: Annotated[int, Field(ge=1)]
    """Number of the attempt."""
    batch: Annotated[int, Field(ge=0)] | None = None
    """Which batch of items, where the step runs once for each item."""
    digest: Digest
    """SHA-256 over all that the attempt runs."""
    lineage: Annotated[tuple[Annotated[str, Field(max_length=63)], ...], Field(max_length=MAX_DEPTH)]
    """The Workflows of the runs above this one, the outermost first; empty text for a definition of its own."""


class WorkflowRunSpec(ApiModel):
    """What to run, with what, for whom. Immutable but for `cancel` and `suspend`."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.workflow) != has(self.inline)",
                "give exactly one of spec.workflow (a Workflow by name) and spec.inline (a definition of its own)",
            ),
            (
                "!has(self.inline) || !has(self.inline.concurrency)",
                "an inline definition has no Workflow whose runs could be counted: leave spec.inline.concurrency out",
            ),
            (
                "!has(self.inline) || !has(self.inline.schedules) || size(self.inline.schedules) == 0",
                "an inline definition is run once: leave spec.inline.schedules out",
            ),
            *(
                (
                    f"has(self.{name}) == has(oldSelf.{name}) && (!has(self.{name}) || self.{name} == oldSelf.{name})",
                    f"spec.{name} cannot change; of a run only spec.cancel and spec.suspend can: create a new run",
                )
                for name in (
                    "workflow",
                    "inline",
                    "context",
                    "requestedBy",
                    "idempotencyKey",
                    "retryOf",
                    "parent",
                    "noCache",
                )
            ),
            (
                "!has(oldSelf.cancel) || !oldSelf.cancel || (has(self.cancel) && self.cancel)",
                "spec.cancel cannot be taken back; create a new run instead",
            ),
        )
    )
    workflow: WorkflowReference | None = None
    """The Workflow to run."""
    inline: WorkflowSpec | None = None
    """A definition of its own, instead of a Workflow."""
    context: FreeForm = Field(default_factory=dict)
    """Values of the Workflow's inputs."""
    requested_by: RequestedBy | None = None
    """Who asks. Filled in by the API server; leave it out."""
    idempotency_key: Annotated[str, Field(max_length=253)] | None = None
    """Asking twice with the same key gives one run."""
    retry_of: ObjectName | None = None
    """A finished run of the same content and context in this namespace: what succeeded there is taken over."""
    no_cache: bool = False
    """Set to true to have every step run, also those with `cache`; later runs may take what these give."""
    parent: ParentReference | None = None
    """The step that this run is an attempt at. Written by the operator alone."""
    cancel: bool = False
    """Set to true to stop the run."""
    suspend: bool = False
    """Set to true to hold the run: what runs goes on, nothing more starts until this is false again."""


class ErrorStatus(ApiModel):
    """Why something did not succeed."""

    code: Annotated[str, Field(max_length=128)]
    """Stable, for programs to match on."""
    reason: Text = ""
    """What happened, as a sentence."""
    step: Name63 | None = None
    """Where it happened."""


class GateStatus(ApiModel):
    """The gate of a step."""

    name: Name63
    """Of the ApprovalRequest."""
    round: int
    """1 for the first request; the number grows each time it is asked anew."""
    digest: Digest
    """What is asked to be allowed."""
    expires_at: Timestamp
    """When the question lapses."""
    outcome: Phase | None = None
    """How it ended."""
    decided_by: Annotated[tuple[Annotated[str, Field(max_length=253)], ...], Field(max_length=64)] = ()
    """Who decided."""


class CachedStatus(ApiModel):
    """Where an output was made that a run took over."""

    run: Name63
    """The run whose program gave it, which may be gone by now."""
    finished_at: Timestamp
    """When that program ended."""


class StepStatus(ApiModel):
    """Where a step stands."""

    phase: Annotated[Phase, AfterValidator(known(StepPhase))]
    """Pending, Waiting, Starting, Running, Backoff, Succeeded, Failed, Skipped or Cancelled."""
    attempt: Annotated[int, Field(ge=0)] = 0
    """Number of the newest attempt; 0 before the first."""
    digest: Digest | None = None
    """SHA-256 over all that the newest attempt runs."""
    uid: Annotated[str, Field(max_length=64)] | None = None
    """UID of the newest attempt's Job."""
    started_at: Timestamp | None = None
    """When the newest attempt started."""
    finished_at: Timestamp | None = None
    """When the step ended."""
    retry_at: Timestamp | None = None
    """When the next attempt starts."""
    until: Timestamp | None = None
    """When a `wait` step goes on."""
    carried: bool = False
    """Taken over from the run that this one retries."""
    cache_digest: Digest | None = None
    """SHA-256 over the program, all that it is given and the key: what later runs know the output by."""
    cached: CachedStatus | None = None
    """Set where the output is one of an earlier run, and the step was not started in this one."""
    output: AnyJson = None
    """What the step gave back, if it is small; else see outputRef."""
    output_ref: OutputReference | None = None
    """Where the output is kept that the run object has no room for."""
    error: ErrorStatus | None = None
    """Why it failed."""
    gate: GateStatus | None = None
    """The gate it waits for or passed."""
    message: Text | None = None
    """The last word on its progress."""
    items: ItemsStatus | None = None
    """Where its items stand, if the step is fanned out; its attempts are theirs."""


class WorkflowRunStatus(ApiModel):
    """Where a run stands; written by the operator alone, for it is the write-ahead log."""

    phase: Annotated[
        Phase,
        AfterValidator(known(RunPhase)),
        Field(
            json_schema_extra={
                **served_default("Pending"),
                **rules(
                    (
                        "!(oldSelf in ['Succeeded', 'Failed', 'Cancelled', 'TimedOut']) || self == oldSelf",
                        "a finished run stays as it ended",
                    )
                ),
            }
        ),
    ] = "Pending"
    """Pending, Running, Waiting, Succeeded, Failed, Cancelled or TimedOut."""
    progress: Annotated[str, Field(max_length=32)] = ""
    """Finished steps of all steps, as `3/7`."""
    cached: int = 0
    """How many steps took their output from an earlier run in place of running."""
    waiting_for: Text | None = None
    """What holds the run up: its turn, gates and whom they wait for, moments, a suspension."""
    suspended: bool = False
    """The run is held by spec.suspend."""
    stopping: Phase | None = None
    """The phase that the run will end in once what still runs has ended."""
    revision: Revision | None = None
    """The content that this run executes, whatever happens to the Workflow."""
    concurrency_key: Annotated[str, Field(max_length=253)] | None = None
    """What the Workflow's concurrency key came to."""
    conditions: Conditions = ()
    """Further statements about the run."""
    steps: Annotated[dict[Name63, StepStatus], Field(max_length=MAX_STEPS + MAX_FINALLY)] = Field(default_factory=dict)
    """Each step by name."""
    output: AnyJson = None
    """What the run gave back, if it is small; else see outputRef."""
    output_ref: OutputReference | None = None
    """Where the output is kept that the run object has no room for."""
    error: ErrorStatus | None = None
    """Why it did not succeed."""
    started_at: Timestamp | None = None
    """When its first step could start."""
    finished_at: Timestamp | None = None
    """When everything had ended."""


class WorkflowRun(ApiObject):
    """A WorkflowRun with its metadata."""

    model_config = ConfigDict(json_schema_extra=named_like_a_label("WorkflowRun"))
    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["WorkflowRun"] = "WorkflowRun"
    spec: WorkflowRunSpec
    """What was asked for."""
    status: Annotated[WorkflowRunStatus, Field(json_schema_extra=served_default({}))] = WorkflowRunStatus()
    """Where it stands."""
