"""The Workflow: what people write. Source of crds/workflows.yaml."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.meta import (
    ApiModel,
    ApiObject,
    Condition,
    Duration,
    Expression,
    FreeForm,
    StepName,
    UserName,
)

MAX_STEPS = 200
MAX_SOURCE = 131_072
"""Characters of a script."""


class ToolAnnotations(ApiModel):
    """Hints to agents about what running the Workflow does; hints, never rights."""

    read_only: bool = False
    destructive: bool = True
    idempotent: bool = False
    open_world: bool = True


class Tool(ApiModel):
    """How agents see the Workflow."""

    enabled: bool = True
    title: Annotated[str, Field(max_length=128)] | None = None
    annotations: ToolAnnotations = ToolAnnotations()


class Outputs(ApiModel):
    """What a run gives back."""

    schema_: Annotated[FreeForm | None, Field(alias="schema")] = None
    """A JSON Schema that the output is checked against."""
    from_: Annotated[Expression | None, Field(alias="from")] = None
    """CEL; default: the output of the last listed step."""


class Backoff(ApiModel):
    """How the wait between attempts grows."""

    initial: Duration = "1s"
    factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    max: Duration = "5m"


class Retry(ApiModel):
    """When and how often a failed attempt is tried again."""

    limit: Annotated[int, Field(ge=0, le=100)] = 0
    backoff: Backoff = Backoff()


class Approvers(ApiModel):
    """Who may decide. At least one user or group."""

    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()


class ApprovalStep(ApiModel):
    """A gate that is a step of its own: binds everything fixed so far."""

    approvers: Approvers
    quorum: Annotated[int, Field(ge=1, le=16)] = 1
    message: Annotated[str, Field(max_length=4096)] = ""
    """Text; `{{ … }}` in it holds CEL."""
    expires_after: Duration = "24h"
    on_expiry: Literal["reject"] = "reject"


class RequiresApproval(ApprovalStep):
    """A gate in front of a step: binds exactly what that step will run."""

    each_attempt: bool = False
    """Every retry needs a decision of its own."""


class Script(ApiModel):
    """A program in a runtime's language."""

    runtime: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$")]
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]
    dependencies: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=100)] = ()


class EnvVar(ApiModel):
    """An environment variable of a step."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")]
    value: Annotated[str, Field(max_length=32768)] = ""


class Resources(ApiModel):
    """Kubernetes resource requests and limits of a step's container."""

    requests: dict[Literal["cpu", "memory", "ephemeral-storage"], Annotated[str, Field(max_length=32)]] | None = None
    limits: dict[Literal["cpu", "memory", "ephemeral-storage"], Annotated[str, Field(max_length=32)]] | None = None


class Step(ApiModel):
    """A node of the DAG: exactly one of `script` and `approval`."""

    name: StepName
    needs: Annotated[tuple[StepName, ...], Field(max_length=MAX_STEPS)] = ()
    when: Expression | None = None
    script: Script | None = None
    approval: ApprovalStep | None = None
    requires_approval: RequiresApproval | None = None
    retry: Retry | None = None
    timeout: Duration | None = None
    on_failure: Literal["fail", "continue"] = "fail"
    env: Annotated[tuple[EnvVar, ...], Field(max_length=100)] = ()
    resources: Resources | None = None


class WorkflowSpec(ApiModel):
    """A definition: inputs, steps, outputs, how agents see it."""

    description: Annotated[str, Field(max_length=4096)] = ""
    tool: Tool = Tool()
    inputs: FreeForm | None = None
    """A JSON Schema object, restricted to what every MCP client understands."""
    outputs: Outputs = Outputs()
    timeout: Duration | None = None
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=MAX_STEPS)]
    finally_: Annotated[tuple[Step, ...], Field(alias="finally", max_length=20)] = ()


class Revision(ApiModel):
    """One immutable content of a Workflow."""

    name: Annotated[str, Field(max_length=63)]
    digest: Annotated[str, Field(max_length=80)]


class WorkflowStatus(ApiModel):
    """What the operator says of a Workflow."""

    observed_generation: int = 0
    revision: Revision | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=8)] = ()


class Workflow(ApiObject):
    """A Workflow with its metadata."""

    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["Workflow"] = "Workflow"
    spec: WorkflowSpec
    status: WorkflowStatus = WorkflowStatus()
