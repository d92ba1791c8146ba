"""The Workflow: what people write. Source of crds/workflows.yaml."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, JsonValue

from penstock.api.v1alpha1 import API_VERSION
from penstock.api.v1alpha1.caching import CACHE_RULES
from penstock.api.v1alpha1.calls import StepCalls
from penstock.api.v1alpha1.container import Container
from penstock.api.v1alpha1.meta import (
    MAX_STEPS,
    ApiModel,
    ApiObject,
    Conditions,
    Duration,
    Expression,
    FreeForm,
    Identity,
    ObjectName,
    Timestamp,
    UserName,
    named_like_a_label,
    rules,
    served_default,
)
from penstock.api.v1alpha1.over_items import ITEM_RULES
from penstock.api.v1alpha1.pods import PodDefaults
from penstock.api.v1alpha1.retention import Retention
from penstock.api.v1alpha1.secrets import SecretNames

MAX_FINALLY = 20
MAX_SCHEDULES = 16
MAX_SOURCE = 131_072
"""Characters of a script."""
KINDS = ("script", "container", "http", "sql", "llm", "discover", "workflow", "approval", "wait")
"""Fields of a step that say what it does, as attributes and as they are written."""

NOT_LOOKED_AT: Final[JsonValue] = {
    "conditions": [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "NotLookedAt",
            "message": "The operator has not looked at this Workflow yet.",
        }
    ]
}
"""The status of a Workflow before the operator wrote one."""


class ToolAnnotations(ApiModel):
    """Hints to agents about what running the Workflow does; hints, never rights."""

    read_only: bool = False
    """It changes nothing."""
    destructive: bool = True
    """It may delete or overwrite."""
    idempotent: bool = False
    """Running it twice with the same context does no more than running it once."""
    open_world: bool = True
    """It reaches systems outside the cluster."""


class Tool(ApiModel):
    """How agents see the Workflow."""

    enabled: bool = True
    """Offer the Workflow to agents as a tool."""
    title: Annotated[str, Field(max_length=128)] | None = None
    """Name for people."""
    annotations: ToolAnnotations = ToolAnnotations()
    """Hints about what running it does."""
    visible_to: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups whose agents find the Workflow; everybody's when empty. A matter of order: who may run it is RBAC."""


class Outputs(ApiModel):
    """What a run gives back."""

    schema_: Annotated[FreeForm | None, Field(alias="schema")] = None
    """A JSON Schema that the output is checked against."""
    from_: Annotated[Expression | None, Field(alias="from")] = None
    """CEL; default: the output of the last listed step."""


class Backoff(ApiModel):
    """How the wait between attempts grows."""

    initial: Duration = "1s"
    """Wait after the first failure."""
    factor: Annotated[float, Field(ge=1, le=100)] = 2.0
    """Each wait is this many times the one before."""
    max: Duration = "5m"
    """No wait is longer."""


class Retry(ApiModel):
    """When and how often a failed attempt is tried again."""

    limit: Annotated[int, Field(ge=0, le=100)] = 0
    """Further attempts after the first."""
    backoff: Backoff = Backoff()
    """How long to wait between attempts."""


class Approvers(ApiModel):
    """Who may decide. At least one user or group."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "size(self.?users.orValue([])) + size(self.?groups.orValue([])) > 0",
                "name at least one user or group in approvers, else nobody could ever decide",
            )
        )
    )
    users: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """User names, exactly as the API server knows them."""
    groups: Annotated[tuple[UserName, ...], Field(max_length=64)] = ()
    """Groups, of which every member may decide."""


class ApprovalStep(ApiModel):
    """A gate that is a step of its own: binds everything fixed so far."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                (
                    "size(self.approvers.?groups.orValue([])) > 0 "
                    "|| self.?quorum.orValue(1) <= size(self.approvers.?users.orValue([]))"
                ),
                "quorum is larger than the number of approvers.users: lower it, or name a group",
            )
        )
    )
    approvers: Approvers
    """Who may decide."""
    quorum: Annotated[int, Field(ge=1, le=16)] = 1
    """How many different people must approve; one rejection rejects."""
    message: Annotated[str, Field(max_length=4096)] = ""
    """Text; `{{ … }}` in it holds CEL."""
    expires_after: Duration = "24h"
    """How long the question stands."""
    on_expiry: Literal["reject"] = "reject"
    """What happens when nobody decided in time."""


class RequiresApproval(ApprovalStep):
    """A gate in front of a step: binds exactly what that step will run."""

    each_attempt: bool = False
    """Every retry needs a decision of its own."""


class WaitStep(ApiModel):
    """A pause: for a time span, or until a moment. No pod runs meanwhile."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.duration) != has(self.until)", "give exactly one of duration and until in wait"),
        )
    )
    duration: Duration | None = None
    """How long to wait, such as 10m."""
    until: Expression | None = None
    """CEL that gives the moment to go on at, as RFC 3339 text, such as context.not_before."""


class WorkflowStep(ApiModel):
    """A run of its own, the child of this one: of a Workflow, or of a definition that an earlier step produced."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("has(self.name) != has(self.specFrom)", "give exactly one of name and specFrom in workflow"),
        )
    )
    name: ObjectName | None = None
    """Name of a Workflow in the same namespace. Whoever asked for the run must be allowed to run that one too."""
    spec_from: Expression | None = None
    """CEL that gives the definition to run, such as steps.plan.output. It takes the right to run definitions inline."""
    context: FreeForm = Field(default_factory=dict)
    """Values of its inputs. A text that is one `{{ CEL }}` is the value itself, with its type. With forEach it sees
    `item` and `itemIndex`."""


class Script(ApiModel):
    """A program in a runtime's language."""

    runtime: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]{0,30}$", max_length=31)]
    """Name of an installed runtime: python, javascript, bash, go, powershell, or one of the installation's own."""
    source: Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]
    """The program. `{{context_customer_id}}` in it stands for the value of the input customer_id."""
    dependencies: Annotated[tuple[Annotated[str, Field(min_length=1, max_length=256)], ...], Field(max_length=100)] = ()
    """Packages of the language, pinned: httpx==0.28.1, lodash@4.17.21, github.com/google/uuid@v1.6.0."""


class Step(StepCalls):
    """A node of the DAG: exactly one of script, container, http, sql, llm, discover, workflow, approval and wait."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"[{', '.join(f'has(self.{kind})' for kind in KINDS)}].filter(is, is).size() == 1",
                f"give exactly one of {', '.join(KINDS[:-1])} and {KINDS[-1]} in a step",
            ),
            (
                "!has(self.requiresApproval) || !(has(self.approval) || has(self.wait))",
                "leave requiresApproval out of a step that is a gate itself, or only waits",
            ),
            *ITEM_RULES,
            *CACHE_RULES,
            (
                "!has(self.needs) || !(self.name in self.needs)",
                "a step cannot need itself: take its own name out of needs",
            ),
        )
    )
    script: Script | None = None
    """A program in a runtime's language."""
    container: Container | None = None
    """A program in an image of one's own."""
    approval: ApprovalStep | None = None
    """A gate: people decide whether the run goes on."""
    wait: WaitStep | None = None
    """A pause."""
    workflow: WorkflowStep | None = None
    """A run of its own."""
    requires_approval: RequiresApproval | None = None
    """A gate in front of this step, bound to exactly what it will run."""
    retry: Retry | None = None
    """What to do when an attempt fails; with forEach, when an item does."""
    timeout: Duration | None = None
    """How long one attempt may take; with forEach, how long one item may."""
    on_failure: Literal["fail", "continue"] = "fail"
    """fail ends the run; continue goes on as if the step had succeeded without output."""


class Concurrency(ApiModel):
    """How many runs of a Workflow may be under way at once. Who comes first goes first."""

    key: Expression | None = None
    """CEL over the context, such as context.customer_id: runs of equal keys share a limit. Default: one for all."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 1
    """So many runs of one key at most."""
    on_limit: Literal["queue", "reject", "replace"] = "queue"
    """queue waits for its turn; reject fails at once; replace cancels older runs and starts when they have ended."""


class Schedule(ApiModel):
    """A time at which the Workflow runs by itself, again and again."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$", max_length=40)] | None = None
    """Name, unique in the Workflow. Default: one that follows from `cron` and `timeZone`."""
    cron: Annotated[str, Field(min_length=1, max_length=128)]
    """Minute, hour, day of month, month, day of week, such as 0 3 * * MON-FRI."""
    time_zone: Annotated[str, Field(min_length=1, max_length=64)] = "UTC"
    """IANA name of the time zone that `cron` is meant in, such as Europe/Berlin."""
    context: FreeForm = Field(default_factory=dict)
    """Values of the Workflow's inputs for these runs."""
    starting_deadline: Duration = "1h"
    """A run that could not be started in time is still started for so long; of several missed ones only the latest."""
    concurrency_policy: Literal["Allow", "Forbid", "Replace"] = "Allow"
    """While a run of this schedule is unfinished: Allow starts the next beside it, Forbid leaves the next out, Replace
    cancels it and starts the next."""
    suspend: bool = False
    """Set to true to start no runs until it is false again; what is left out meanwhile is not made up for."""


class WorkflowSpec(ApiModel):
    """A definition: inputs, steps, outputs, how agents see it."""

    description: Annotated[str, Field(max_length=4096)] = ""
    """What the Workflow does: people and agents choose by this."""
    tool: Tool = Tool()
    """How agents see it."""
    inputs: FreeForm | None = None
    """A JSON Schema object, restricted to what every MCP client understands."""
    outputs: Outputs = Outputs()
    """What a run gives back."""
    timeout: Duration | None = None
    """How long a run may take, gates included; waiting for its turn is not."""
    concurrency: Concurrency | None = None
    """How many runs may be under way at once. Default: any number."""
    schedules: Annotated[
        tuple[Schedule, ...],
        Field(
            max_length=MAX_SCHEDULES,
            json_schema_extra=rules(
                (
                    "self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.name == b.name))",
                    "each schedule needs a name of its own; rename one",
                )
            ),
        ),
    ] = ()
    """When the Workflow runs by itself. The runs are those of whoever last edited the Workflow's spec."""
    secrets: SecretNames = ()
    """Secrets that steps may use. Whoever writes the Workflow must be allowed to get each; whoever runs it need not."""
    pod_defaults: PodDefaults | None = None
    """What the pods of all steps have in common; without effect in local mode."""
    retention: Retention | None = None
    """How long finished runs are kept. Default: what the installation says."""
    steps: Annotated[
        tuple[Step, ...],
        Field(
            min_length=1,
            max_length=MAX_STEPS,
            json_schema_extra=rules(
                ("self.all(a, self.exists_one(b, a.name == b.name))", "each step needs a name of its own; rename one")
            ),
        ),
    ]
    """The steps; they start as soon as what they need has ended."""
    finally_: Annotated[tuple[Step, ...], Field(alias="finally", max_length=MAX_FINALLY)] = ()
    """Steps that run at the end, however the run went."""


class Revision(ApiModel):
    """One immutable content of a Workflow."""

    name: Annotated[str, Field(max_length=63)]
    """Of the ControllerRevision."""
    digest: Annotated[str, Field(max_length=80)]
    """SHA-256 over the content."""


class ScheduleStatus(ApiModel):
    """How far a schedule has come."""

    name: Annotated[str, Field(max_length=63)]
    """Of the schedule."""
    cron: Annotated[str, Field(max_length=128)]
    """What `nextAt` was worked out from."""
    time_zone: Annotated[str, Field(max_length=64)]
    """The time zone that it was worked out in."""
    next_at: Timestamp | None = None
    """When the next run starts; absent while none does."""
    last_scheduled_at: Timestamp | None = None
    """The newest moment that a run was started for."""
    last_run: Annotated[str, Field(max_length=63)] | None = None
    """The run that was started for it."""
    missed: int = 0
    """Moments that went by without a run: nobody was there in time, or the schedule's concurrencyPolicy was Forbid."""


class WorkflowStatus(ApiModel):
    """What the operator says of a Workflow."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    revision: Revision | None = None
    """The content that a run started now would execute."""
    next_at: Timestamp | None = None
    """When the next run of all schedules starts."""
    schedules: Annotated[
        tuple[ScheduleStatus, ...],
        Field(
            max_length=MAX_SCHEDULES,
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = ()
    """Each schedule by name."""
    conditions: Conditions = ()
    """`Ready` says whether it can run, with every problem when it cannot; `Scheduled`, where there are schedules,
    whether they start runs."""


class EditedBy(Identity):
    """Who last changed the spec of a Workflow; stamped at admission from the caller."""


class Workflow(ApiObject):
    """A Workflow with its metadata."""

    model_config = ConfigDict(json_schema_extra=named_like_a_label("Workflow"))
    api_version: Literal["penstock.dev/v1alpha1"] = API_VERSION
    kind: Literal["Workflow"] = "Workflow"
    spec: WorkflowSpec
    """The definition."""
    edited_by: EditedBy | None = None
    """Who last changed the spec. Filled in by the API server; leave it out. Scheduled runs are this person's."""
    status: Annotated[WorkflowStatus, Field(json_schema_extra=served_default(NOT_LOOKED_AT))] = WorkflowStatus()
    """What the operator found."""
